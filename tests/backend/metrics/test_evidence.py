"""What a number rests on: proofs that add up, and rows that make the same number again."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, update

from backend.core.errors import Invalid
from backend.core.windows import Grain
from backend.interactions import models
from backend.metrics.proofs import TOTAL, AggregateProof, CellPlace, Drill, Side
from backend.metrics.questions import Question, Restriction
from tests.backend.metrics.builders import START, WEEK, World, asked
from tests.backend.metrics.evidence import Rows, a_messy_week, drilled


async def proof(world: World, question: Question, place: CellPlace = TOTAL) -> AggregateProof:
    """The proof of a question's only aggregate."""
    [found] = await world.evaluator.prove(question, place)
    [single] = found.aggregates
    return single


def reasons(found: AggregateProof) -> dict[str, int]:
    return {one.reason: one.rows for one in found.exclusions}


async def code(world: World, question: Question, drill: Drill) -> str:
    with pytest.raises(Invalid) as error:
        await world.evaluator.drill(question, drill, limit=1)
    return error.value.code


# populations, counted by hand


def in_week(moment: datetime | None) -> bool:
    return moment is not None and WEEK.start <= moment < WEEK.end


def tally(rows: Rows, standing: Any) -> tuple[int, int, dict[str, int]]:
    """Population, counted, and exclusions of rows, each judged by Python."""
    found = Counter(row["exclusion"] or standing(row) for row in rows)
    counted = found.pop("counted", 0)
    return len(rows), counted, dict(found)


async def test_a_population_is_what_is_counted_and_what_is_not(world: World):
    interactions, _, _ = await a_messy_week(world, seed=1)

    def standing(row: dict[str, Any]) -> str:
        if row["answered"] is not True:
            return "condition_not_met"
        if row["handle_time"] is not None:
            return "counted"
        return "negative_duration" if "handle_time" in (row["excluded_values"] or {}) else "value_missing"

    found = await proof(world, asked("avg(handle_time where answered)", where='channel != "bot"'))
    rows = [row for row in interactions if in_week(row["started_at"]) and row["channel"] != "bot"]
    assert (found.population, found.counted, reasons(found)) == tally(rows, standing)
    assert set(reasons(found)) == {"spam", "test", "condition_not_met", "negative_duration", "value_missing"}
    assert found.formula == "avg(handle_time where answered)"

    # including excluded: none is left out by its exclusion, and negative durations have their value
    found = await proof(world, asked("avg(handle_time) including excluded", window=None))
    missing = [row for row in interactions if row["handle_time"] is None]
    aside = [row for row in missing if "handle_time" in (row["excluded_values"] or {})]
    assert (found.population, reasons(found)) == (
        len(interactions),
        {"value_missing": len(missing) - len(aside)},
    )


async def test_a_survey_is_excluded_by_itself_or_with_its_interaction(world: World):
    interactions, surveys, _ = await a_messy_week(world, seed=2)
    by_id = {row["id"]: row for row in interactions}

    def of(row: dict[str, Any]) -> dict[str, Any]:
        return by_id.get(row["interaction_id"], {"exclusion": None, "started_at": None})

    rows = [
        row | {"exclusion": row["exclusion"] or of(row)["exclusion"]}
        for row in surveys
        if in_week(row["responded_at"] or of(row)["started_at"])
    ]
    found = await proof(world, asked("@csat"))
    assert (found.population, found.counted, reasons(found)) == tally(
        rows,
        lambda row: (
            "condition_not_met"
            if row["kind"] != "csat"
            else "value_missing"
            if row["score"] is None
            else "counted"
        ),
    )


async def test_a_proof_names_definition_window_and_data(world: World, acme):
    [found] = await world.evaluator.prove(asked("@csat"))
    assert (found.version, str(found.effective_from), found.path, found.data_version) == (
        1, "1970-01-01", "raw", None,
    )  # fmt: skip
    written = [7, 8, 9]
    async with acme.write() as session:
        for one in reversed(written):
            row = {"number": one, "cause": "import", "rows_changed": 1}
            await session.execute(insert(models.write_log).values(row))
    question = asked("1 - share(answered)", grain=Grain.DAY)
    midnight = START.replace(hour=0)
    place = CellPlace(midnight)
    [found] = await world.evaluator.prove(question, place)
    assert (found.version, found.effective_from) == (None, None)
    assert found.window is not None
    assert (found.window.start, found.window.end) == (midnight, midnight + timedelta(days=1))
    assert found.data_version is not None
    assert found.data_version.number == max(written)
    assert found.kpi.formula == "1 - share(answered)"


# which rows


async def test_the_sides_of_a_formula(world: World):
    rows = await world.interact(
        {"handle_time": 1000, "answered": True, "resolved": True},
        {"handle_time": 3000, "answered": False, "resolved": True},
        {"handle_time": None, "answered": True, "resolved": False},
        {"handle_time": 2000, "answered": None, "exclusion": "spam"},
    )
    ids = [row["id"] for row in rows]

    async def listed(formula: str, **drill: Any) -> set[int]:
        found = await drilled(world, asked(formula), Drill(**drill))
        return {ids.index(row.id) for row in found}

    assert await listed("share(answered)") == {0, 1, 2}
    assert await listed("share(answered)", side=Side.NUMERATOR) == {0, 2}
    assert await listed("avg(handle_time)") == {0, 1}
    assert await listed("avg(handle_time)", side=Side.NUMERATOR) == {0, 1}
    assert await listed("sum(handle_time) / 1h") == {0, 1}
    assert await listed("sum(handle_time) / count(where resolved = false)") == {2}
    assert await listed("(count(where answered) - count(where resolved)) / count()", side=Side.NUMERATOR) == {
        0, 1, 2,
    }  # fmt: skip
    assert await listed("count() - count(where answered)", aggregate=1) == {0, 2}
    assert await listed("count() including excluded") == {0, 1, 2, 3}
    [row] = await drilled(world, asked("sum(handle_time) / count(where resolved = false)"))
    assert (row.fact, row.value, row.external_id) == ("interaction", 1.0, rows[2]["external_id"])


async def test_what_cannot_be_listed_is_said(world: World):
    plain = asked("count()", grain=Grain.DAY)
    assert await code(world, asked("count()", "count()"), Drill()) == "KPIS_OUT_OF_RANGE"
    assert await code(world, asked("count() - count(where order.paid)"), Drill()) == "DRILL_AMBIGUOUS"
    assert await code(world, plain, Drill(aggregate=1)) == "AGGREGATE_UNKNOWN"
    assert await code(world, plain, Drill(aggregate=-1)) == "AGGREGATE_UNKNOWN"
    assert await code(world, plain, Drill(CellPlace(START))) == "BUCKET_UNKNOWN"
    assert await code(world, asked("count()"), Drill(CellPlace(WEEK.start))) == "BUCKET_UNKNOWN"
    for dimension, key in (
        ("hour_of_day", "noon"),
        ("hour_of_day", "1.5"),
        ("hour_of_day", "NaN"),
        ("hour_of_day", "1e999999"),
        ("date", "2026-02-30"),
        ("answered", "yes"),
        ("agent", "a\x00b"),
    ):
        place = CellPlace(None, ((dimension, key),))
        assert await code(world, plain, Drill(place)) == "CELL_MEMBER_INVALID", key
    assert await code(world, plain, Drill(CellPlace(None, (("agnet", "ann"),)))) == "DIMENSION_UNKNOWN"
    twice = CellPlace(None, (("agent", "ann"), ("agent", "bob")))
    assert await code(world, plain, Drill(twice)) == "DIMENSION_REPEATED"


@pytest.mark.parametrize(
    "dimension",
    ["hour_of_day", "weekday", "date", "iso_week", "month", "quarter", "year", "customer", "exclusion",
     "channel", "abandoned", "grade", "vip"],
)  # fmt: skip
async def test_each_member_of_a_dimension_leads_to_its_rows(world: World, dimension: str):
    async with world.tenant.write() as session:
        kinds = [{"key": "grade", "type": "text"}, {"key": "vip", "type": "boolean"}]
        await session.execute(insert(models.attribute), kinds)
    await a_messy_week(world, seed=5, count=60)
    async with world.tenant.write() as session:
        given = {"grade": "gold", "vip": True}
        chats = update(models.interaction).where(models.interaction.c.channel == "chat")
        await session.execute(chats.values(attributes=given))
    question = asked("count() including excluded", dimensions=(dimension,), window=None)
    answer = await world.ask("count() including excluded", dimensions=(dimension,), window=None)
    seen: set[UUID] = set()
    for (member,), value in zip(answer.members, answer.columns[0].values, strict=True):
        rows = await drilled(world, question, Drill(CellPlace(None, ((dimension, member.key),))))
        assert len(rows) == value, member
        seen |= {row.id for row in rows}
    assert len(seen) == answer.totals[0].value == 60


async def test_scores_and_their_members(world: World):
    await world.survey(*[{"score": score, "responded_at": START} for score in (1000, 2500, 2500, None)])
    question = asked("count(where survey.responded)", dimensions=("survey.score",))
    answer = await world.ask("count(where survey.responded)", dimensions=("survey.score",))
    assert [member.key for (member,) in answer.members] == ["1", "2.5", None]
    for (member,), value in zip(answer.members, answer.columns[0].values, strict=True):
        place = CellPlace(None, (("survey.score", member.key),))
        assert len(await drilled(world, question, Drill(place))) == value


# who may see what


async def test_a_restriction_holds_for_proofs_and_rows(world: World):
    interactions, _, orders = await a_messy_week(world, seed=6)
    ann = next(row_id for (kind, row_id), name in world.names.items() if (kind, name) == ("agent", "ann"))
    only = Restriction(agent_id=ann)
    rows = await drilled(world, asked("count()", window=None), restriction=only)
    own = {row["id"] for row in interactions if row["agent_id"] == ann and row["exclusion"] is None}
    assert {row.id for row in rows} == own
    sold = await drilled(world, asked("sum(order.amount)", window=None), restriction=only)
    assert {row.id for row in sold} == {
        row["id"]
        for row in orders
        if row["agent_id"] == ann and row["exclusion"] is None and row["currency"] == "USD"
    }
    [found] = await world.evaluator.prove(asked("count()", window=None), restriction=only)
    assert found.aggregates[0].population == sum(row["agent_id"] == ann for row in interactions)


async def test_rows_of_another_tenant_are_in_no_proof(world: World, globex):
    question = asked("count() including excluded", window=None)
    assert await drilled(world, question) == []
    [found] = await world.evaluator.prove(question)
    assert (found.aggregates[0].population, found.data_version) == (0, None)


async def test_an_export_has_every_field_the_rows_reach(world: World):
    async with world.tenant.write() as session:
        await session.execute(insert(models.attribute).values(key="due", type="moment"))
    await a_messy_week(world, seed=7)
    async with world.tenant.write() as session:
        await session.execute(update(models.interaction).values(attributes={"due": "next week"}))
    question = asked("@csat")
    rows = [row async for row in world.evaluator.export(question, Drill())]
    assert [row.key for row in rows] == [row.key for row in await drilled(world, question)]
    assert {"survey.score", "survey.kind", "channel", "agent", "handle_time", "resolved_happened"} <= set(
        rows[0].fields
    )
    assert all(row.fields["survey.kind"] == "csat" for row in rows)
    assert {row.fields["agent"] for row in rows} <= {"ann", "bob", "cy", None}
    assert {row.fields["due"] for row in rows} <= {"next week", None}
    assert "order.amount" not in rows[0].fields


async def test_a_proof_of_too_much_is_refused(world: World):
    formulas = [
        " + ".join(f"count(where transfers = {at})" for at in range(start, start + 50))
        for start in range(0, 250, 50)
    ]
    found = await world.evaluator.prove(asked(*formulas[:4]))
    assert [len(one.aggregates) for one in found] == [50] * 4
    with pytest.raises(Invalid) as error:
        await world.evaluator.prove(asked(*formulas))
    assert error.value.code == "ANSWER_TOO_LARGE"
