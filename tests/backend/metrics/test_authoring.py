"""Definitions that a tenant writes: stored only if all of them still make sense, each change with its author."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from backend.core.errors import Invalid, NotFound
from backend.interactions.models import attribute
from backend.metrics import authoring, definitions
from backend.metrics.authoring import Author
from backend.metrics.catalogue import find_builtin
from backend.metrics.kpi import Band
from backend.metrics.models import kpi
from tenants.database import TenantDatabase
from tests.backend.metrics.authors import MORNING, TODAY, Ann, draft
from tests.backend.metrics.builders import World


async def test_a_new_kpi_is_in_force_at_once_and_canonical(ann: Ann, world: World):
    made = await ann.create("quick", "SHARE( first_response_time<30s )", target=Band(Decimal("0.8")))
    assert made.formula == "share(first_response_time < 30s)"
    assert (made.version, made.latest_version, made.builtin, made.archived_at) == (1, 1, False, None)
    assert made == await ann.kpi("quick")
    [version] = await ann.history("quick")
    assert (version.effective_from, version.created_by, version.created_at) == (TODAY, "ann", MORNING)
    await world.interact({"first_response_time": 20_000}, {"first_response_time": 40_000})
    assert (await world.total("@quick")).value == 0.5


async def test_a_tenants_kpi_is_unknown_to_the_other(ann: Ann, globex: TenantDatabase):
    await ann.create("ours", "count()")
    async with globex.read() as session:
        assert await definitions.find_kpi(session, "ours", MORNING) is None
    async with globex.write() as session:
        with pytest.raises(NotFound):
            await authoring.revise(
                session,
                "ours",
                lambda one: replace(one, formula="count() * 2"),
                version=1,
                author=Author("eve", MORNING),
            )
        with pytest.raises(Invalid) as refusal:
            await authoring.create(session, draft("theirs", "@ours * 2"), Author("eve", MORNING))
    assert [str(one.code) for one in refusal.value.problems] == ["KPI_UNKNOWN"]
    found = await ann.kpi("ours")
    assert found is not None
    assert found.version == 1


@pytest.mark.parametrize(
    ("formula", "code"),
    [
        ("avg(handle_tme)", "FIELD_UNKNOWN"),
        ("avg(handle_time", "PARENTHESIS_UNCLOSED"),
        ("avg(handle_time) + count()", "UNITS_DIFFER"),
        ("@csta", "KPI_UNKNOWN"),
        ("1 - @broken", "KPI_CIRCLE"),
        ("", "TEXT_EMPTY"),
        ("count() + " * 600 + "count()", "TEXT_TOO_LONG"),
    ],
)
async def test_a_wrong_formula_is_never_stored(ann: Ann, formula: str, code: str):
    assert (code, ("formula",)) in await ann.problems(ann.create("broken", formula))
    formula = formula.replace("@broken", "@aht")
    assert (code, ("formula",)) in await ann.problems(ann.revise("aht", 1, formula=formula))


async def test_a_text_that_fits_only_until_it_is_canonical_is_refused(ann: Ann):
    text = "+".join(["count()"] * 512)  # 4,095 characters; with its spaces 5,117
    assert len(text) < 4096
    [(code, _)] = await ann.problems(ann.create("long", text))
    assert code in ("TEXT_TOO_LONG", "TOO_DEEP", "TOO_LARGE")


async def test_places_are_those_of_the_text_as_it_was_typed(ann: Ann):
    text = "avg(  handle_time  )+   avg(handle_tme)"
    with pytest.raises(Invalid) as refusal:
        await ann.revise("aht", 1, formula=text)
    [problem] = refusal.value.problems
    assert problem.span is not None
    assert text[slice(*problem.span)] == "handle_tme"
    assert problem.nearest == "handle_time"


@pytest.mark.parametrize(
    ("key", "details", "expected"),
    [
        ("Capital", {}, ("KPI_KEY_INVALID", ("key",))),
        ("1st", {}, ("KPI_KEY_INVALID", ("key",))),
        ("a" * 64, {}, ("KPI_KEY_INVALID", ("key",))),
        ("line\n", {}, ("KPI_KEY_INVALID", ("key",))),
        ("csat", {}, ("KPI_EXISTS", ("key",))),
        ("x", {"minimum_sample": 0}, ("MINIMUM_SAMPLE_INVALID", ("minimum_sample",))),
        ("x", {"target": Band(Decimal(2), Decimal(1))}, ("BAND_INVALID", ("target",))),
        ("x", {"benchmark": Band(Decimal("NaN"))}, ("BAND_INVALID", ("benchmark",))),
        ("x", {"guardrails": ("csat", "fcrr")}, ("GUARDRAIL_INVALID", ("guardrails", 1))),
        ("x", {"guardrails": ("x",)}, ("GUARDRAIL_INVALID", ("guardrails", 0))),
        ("x", {"guardrails": ("csat", "csat")}, ("GUARDRAIL_INVALID", ("guardrails", 1))),
        ("x", {"guardrails": ("contacts_offered",)}, ("GUARDRAIL_INVALID", ("guardrails", 0))),
        ("x", {"guardrails": tuple(f"g{at}" for at in range(11))}, ("GUARDRAIL_INVALID", ("guardrails",))),
        ("x", {"measure_en": " "}, ("KPI_TEXT_INVALID", ("measures", "en"))),
        ("x", {"measure_zh": "说" * 301}, ("KPI_TEXT_INVALID", ("measures", "zh"))),
        ("x", {"measure_en": "two\nlines"}, ("KPI_TEXT_INVALID", ("measures", "en"))),
        ("x", {"doc": "a\x00b"}, ("KPI_TEXT_INVALID", ("description",))),
        ("x", {"name_zh": "一\n二"}, ("KPI_TEXT_INVALID", ("names", "zh"))),
        ("x", {"name_en": "n" * 101}, ("KPI_TEXT_INVALID", ("names", "en"))),
    ],
)
async def test_wrong_details_are_named_and_nothing_is_stored(ann: Ann, key, details, expected):
    assert await ann.problems(ann.create(key, "count()", **details)) == [expected]


async def test_all_that_is_wrong_is_said_at_once(ann: Ann):
    found = await ann.problems(ann.revise("aht", 1, name_en=" ", minimum_sample=-1, formula="handle_time"))
    assert found == [
        ("KPI_TEXT_INVALID", ("names", "en")),
        ("MINIMUM_SAMPLE_INVALID", ("minimum_sample",)),
        ("FIELD_OUTSIDE_AGGREGATE", ("formula",)),
    ]


async def test_the_longest_key_and_a_name_of_all_characters_are_taken(ann: Ann):
    key = "k" + "_9" * 31
    made = await ann.create(key, "count()")
    assert (len(made.key), (await ann.revise(key, 1, name_zh="甲　👍" * 33)).name_zh) == (63, "甲　👍" * 33)


async def test_a_built_in_is_overridden_and_restored(ann: Ann, world: World):
    builtin = find_builtin("resolution_rate")
    assert builtin is not None
    await world.interact({"resolved": True}, {"resolved": None})
    before = await world.total("@resolution_rate")
    revised = await ann.revise("resolution_rate", 1, formula="share(resolved) / 2", name_en="Halves")
    assert (revised.version, revised.builtin, revised.name_en) == (2, True, "Halves")
    assert (await world.total("@resolution_rate", window=None)).value == 0.5
    restored = await ann.restore("resolution_rate", 2, to_builtin=True)
    assert (restored.version, restored.formula, restored.name_en) == (3, builtin.formula, "Halves")
    assert await world.total("@resolution_rate") == before
    formulas = [one.formula for one in await ann.history("resolution_rate")]
    assert formulas == [builtin.formula, "share(resolved) / 2", builtin.formula]
    assert (await ann.restore("resolution_rate", 3, to_builtin=True)).latest_version == 3


async def test_a_unit_is_for_ever(ann: Ann):
    """Cells of several versions stand in one column, so no version may count in another unit."""
    assert (await ann.revise("qa_score", 1, formula="median(review.score)")).unit == "points"
    with pytest.raises(Invalid) as refusal:
        await ann.revise("qa_score", 2, formula="share(review.passed)")
    [problem] = refusal.value.problems
    assert (problem.code, problem.path) == ("KPI_UNIT_CHANGED", ("formula",))
    assert (
        problem.message
        == "“qa_score” is a score and would become a share: its past could not stand beside it."
    )
    assert problem.hint == "Create a new KPI for it, or let the formula give a score."
    await ann.create("ours", "count()")
    later = TODAY + timedelta(days=3)
    for formula, on in (("avg(handle_time)", None), ("sum(handle_time) / 1h", later), ("@csat", later)):
        assert ("KPI_UNIT_CHANGED", ("formula",)) in await ann.problems(
            ann.revise("ours", 1, on, formula=formula)
        )
    await ann.revise("ours", 1, later, formula="count(where answered)")
    assert await ann.problems(ann.revise("ours", 2, formula="@aht")) == [("KPI_UNIT_CHANGED", ("formula",))]


async def test_a_formula_that_lost_its_sense_may_be_mended_in_any_unit(ann: Ann, acme: TenantDatabase):
    async with acme.write() as session:
        await session.execute(insert(attribute).values(key="mood", type="text"))
    await ann.create("moody", 'count(where mood = "sour")')
    async with acme.write() as session:
        await session.execute(attribute.delete())
    assert (await ann.revise("moody", 1, formula="share(resolved)")).version == 2


async def test_a_built_in_comes_back_with_everything(ann: Ann):
    builtin = await ann.kpi("aht")
    assert builtin is not None
    told: dict[str, Any] = {
        "name_en": "Ours", "name_zh": "我们的", "doc": "Changed.", "family": "quality", "direction": "up",
        "minimum_sample": 7, "target": Band(Decimal(1)), "benchmark": Band(None, Decimal(2)), "guardrails": ("fcr",),
    }  # fmt: skip
    revised = await ann.revise("aht", 1, formula="median(handle_time)", **told)
    only_formula = await ann.restore("aht", 2, to_builtin=True)
    assert only_formula == replace(revised, formula=builtin.formula, version=3, latest_version=3)
    restored = await ann.restore("aht", 3, everything=True)
    assert restored == replace(builtin, version=4, latest_version=4, effective_from=TODAY)
    assert set((await ann.audit())[-1][3]["changed"]) == set(told)
    assert (await ann.restore("aht", 4, everything=True)).latest_version == 4
    await ann.create("ours", "count()")
    assert await ann.problems(ann.restore("ours", everything=True)) == [("KPI_NOT_BUILTIN", ("everything",))]


async def test_an_archived_built_in_comes_back_with_everything_also_without_its_guardrail(ann: Ann):
    await ann.create("base", "count()")
    await ann.revise("untyped_rate", 1, guardrails=("base",))
    await ann.archive("untyped_rate", 2)
    await ann.archive("base")
    assert await ann.problems(ann.restore("untyped_rate", 2)) == [("GUARDRAIL_INVALID", ("guardrails", 0))]
    restored = await ann.restore("untyped_rate", 2, everything=True)
    builtin = find_builtin("untyped_rate")
    assert builtin is not None
    assert (restored.guardrails, restored.archived_at) == (builtin.guardrails, None)


async def test_only_what_came_with_scoredesk_can_go_back_to_that(ann: Ann):
    await ann.create("ours", "count()")
    assert await ann.problems(ann.restore("ours", to_builtin=True)) == [("KPI_NOT_BUILTIN", ("to_builtin",))]


async def test_what_others_refer_to_is_not_archived(ann: Ann):
    await ann.create("base", "count()")
    await ann.create("double", "@base * 2")
    await ann.create("careful", "count()", guardrails=("base",))
    with pytest.raises(Invalid) as refusal:
        await ann.archive("base")
    assert "“careful”, “double”" in refusal.value.problems[0].message
    await ann.archive("double")
    await ann.revise("careful", 1, guardrails=())
    archived = await ann.archive("base")
    assert archived.archived_at == MORNING
    assert await ann.kpi("base") is None
    assert await ann.problems(ann.create("again", "@base")) == [("KPI_UNKNOWN", ("formula",))]
    assert await ann.problems(ann.create("base", "count()")) == [("KPI_EXISTS", ("key",))]
    assert await ann.problems(ann.revise("base", 1, formula="count() * 3")) == [("KPI_ARCHIVED", ("key",))]


async def test_an_archived_kpi_comes_back_as_it_was(ann: Ann):
    before = await ann.create("base", "count()")
    await ann.archive("base")
    entries = await ann.audit()
    await ann.archive("base")  # it is already
    assert await ann.audit() == entries
    assert await ann.restore("base") == before
    assert await ann.kpi("base") == before


async def test_a_kpi_whose_ground_is_gone_stays_archived(ann: Ann):
    await ann.create("base", "count()")
    await ann.create("double", "@base * 2")
    await ann.archive("double")
    await ann.archive("base")
    assert await ann.problems(ann.restore("double")) == [("KPI_UNKNOWN", ("formula",))]
    await ann.restore("base")
    assert (await ann.restore("double")).archived_at is None


async def test_an_archived_built_in_comes_back_with_its_own_formula(ann: Ann):
    await ann.create("base", "share(resolved)")
    await ann.revise("untyped_rate", 1, formula="1 - @base")
    await ann.archive("untyped_rate", 2)
    await ann.archive("base")
    restored = await ann.restore("untyped_rate", 2, to_builtin=True)
    builtin = find_builtin("untyped_rate")
    assert builtin is not None
    assert (restored.formula, restored.archived_at) == (builtin.formula, None)


async def test_every_change_is_on_record(ann: Ann):
    await ann.create("ours", "count()", target=Band(Decimal("0.5"), None))
    await ann.revise("ours", 1, formula="count() * 2", target=Band())
    await ann.archive("ours", 2)
    await ann.restore("ours", 2)
    entries = await ann.audit()
    assert [entry[:3] for entry in entries] == [
        ("ann", f"{action} kpi", "ours") for action in ("create", "revise", "archive", "restore")
    ]
    assert entries[0][3]["changed"]["target"] == [None, ["0.5", None]]
    assert entries[1][3] == {
        "version": 2,
        "effective_from": TODAY.isoformat(),
        "changed": {"formula": ["count()", "count() * 2"], "target": [["0.5", None], [None, None]]},
    }


async def test_there_are_only_so_many(ann: Ann, monkeypatch: pytest.MonkeyPatch):
    async with ann.tenant.read() as session:
        count = (await session.execute(select(func.count()).select_from(kpi))).scalar_one()
    monkeypatch.setattr(authoring, "MOST_KPIS", count + 1)
    await ann.create("last", "count()")
    assert await ann.problems(ann.create("beyond", "count()")) == [("TOO_MANY_KPIS", ())]


async def test_a_guardrail_keeps_a_direction(ann: Ann):
    assert await ann.problems(ann.revise("fcr", 1, direction=None)) == [("KPI_IN_USE", ("direction",))]
    await ann.revise("aht", 1, guardrails=())
    revised = await ann.revise("fcr", 1, direction=None)
    assert revised.direction is None


async def test_a_measure_is_kept_with_its_kpi_and_noted(ann: Ann):
    await ann.create("mine", "count()", measure_en="Do more.")
    made = await ann.kpi("mine")
    assert made is not None
    assert (made.measure_en, made.measure_zh) == ("Do more.", None)
    await ann.revise("mine", 1, measure_zh="多做。", measure_en=None)
    found = await ann.kpi("mine")
    assert found is not None
    assert (found.measure_en, found.measure_zh) == (None, "多做。")
    changed = next(
        details["changed"] for _, action, _, details in await ann.audit() if action == "revise kpi"
    )
    assert changed == {"measure_en": ["Do more.", None], "measure_zh": [None, "多做。"]}
