"""Sentiment, causes, costs, SLA instances and customers: from text to facts, twice the same, never undone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from backend.ingestion import shapes
from backend.ingestion.guess import guess_mapping
from backend.ingestion.mapping import built_in, load
from backend.ingestion.normalize import Normalizer
from backend.ingestion.records import IgnoredColumn
from backend.ingestion.service import ImportReport
from backend.ingestion.shapes import SHAPES
from backend.interactions.identity import fact_id
from backend.interactions.models import (
    COUNTS,
    DURATIONS,
    MOMENTS,
    OUTCOMES,
    agent_activity,
    attribute,
    customer,
    interaction,
    sla_instance,
    survey_response,
    touched_hour,
    write_log,
)
from tenants.database import TenantDatabase
from tests.backend.ingestion.importing import bring_in_chunks, one_of, rows_of
from tests.backend.ingestion.normalizing import normalize

SHOP = "shop"


def at(hour: int, minute: int = 0, day: int = 2) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


async def taken(door: TenantDatabase, kind: str, *records: Mapping[str, Any]) -> ImportReport:
    """Brings records of the built-in shape in, as a request does."""
    tenant = door.tenant
    normalizer = Normalizer(built_in(kind, source=SHOP), None, zone=tenant.zone, currency=tenant.currency)
    chunk = normalizer.records([dict(one) for one in records])
    assert chunk.rejections == []
    return await bring_in_chunks(door, [chunk], normalizer.layouts, source=SHOP)


def codes(kind: str, fields: Mapping[str, Any]) -> list[tuple[str | None, str]]:
    """The field and code of each rejection of one record."""
    chunk = Normalizer(built_in(kind, source=SHOP), None).records([{"external_id": "1", **fields}])
    return [(one.field, one.code) for one in chunk.rejections]


RECORDS: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "interaction": (
        interaction,
        {"channel": "chat", "started": "2026-03-02T09:00:00Z", "sentiment": "-0.375", "at_risk": "yes",
         "sentiment_model": "m-2"},
        {"sentiment": -375, "at_risk": True, "sentiment_model": "m-2"},
    ),
    "survey": (
        survey_response,
        {"kind": "csat", "score": 2, "cause": "product", "solved": "no",
         "called_back": "2026-03-03T10:00:00Z", "interaction": "c-1"},
        {"score": 2000, "cause": "product", "solved": False, "called_back_at": at(10, day=3),
         "interaction_id": fact_id(SHOP, "c-1")},
    ),
    "agent_activity": (
        agent_activity,
        {"agent": "ann", "state": "busy", "started": "2026-03-02T09:00:00Z", "ended": "2026-03-02T10:00:00Z",
         "cost": "21.50"},
        {"cost": 2150, "currency": "USD", "duration": 3_600_000},
    ),
    "sla": (
        sla_instance,
        {"interaction": "c-1", "metric": "first_response", "policy": "gold", "target": "PT1H",
         "applied": "2026-03-02T09:00:00Z", "due": "2026-03-02T10:00:00Z", "achieved": "2026-03-02T09:40:00Z"},
        {"interaction_id": fact_id(SHOP, "c-1"), "metric": "first_response", "policy": "gold",
         "target": 3_600_000, "applied_at": at(9), "due_at": at(10), "achieved_at": at(9, 40),
         "exclusion": None},
    ),
    "customer": (
        customer,
        {"name": "Pat", "segment": "vip", "joined": "2025-01-01", "lost": "2026-03-01", "at_risk": "false"},
        {"name": "Pat", "segment": "vip", "joined_at": datetime(2025, 1, 1, tzinfo=UTC),
         "lost_at": datetime(2026, 3, 1, tzinfo=UTC), "at_risk": False},
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", RECORDS)
async def test_a_record_comes_in_as_it_was_said_and_only_once(acme, kind):
    table, record, stored = RECORDS[kind]
    report = await taken(acme, kind, {"external_id": "1", **record})
    assert (report.written[kind], report.unchanged[kind]) == (1, 0)
    row = await one_of(acme, table, "1")
    assert {name: row._mapping[name] for name in stored} == stored
    before, writes = await rows_of(acme, table), len(await rows_of(acme, write_log))
    report = await taken(acme, kind, {"external_id": "1", **record})
    assert (report.written[kind], report.unchanged[kind]) == (0, 1)
    assert await rows_of(acme, table) == before
    assert len(await rows_of(acme, write_log)) == writes == 1


@pytest.mark.parametrize(
    "kind, fields, fault",
    [
        ("interaction", {"channel": "chat", "sentiment": "1.001"}, ("sentiment", "SCORE_RANGE")),
        ("interaction", {"channel": "chat", "sentiment": -2}, ("sentiment", "SCORE_RANGE")),
        ("interaction", {"channel": "chat", "sentiment": "sad"}, ("sentiment", "BAD_NUMBER")),
        ("interaction", {"channel": "chat", "at_risk": "perhaps"}, ("at_risk", "BAD_BOOLEAN")),
        ("survey", {"kind": "csat", "called_back": "soon"}, ("called_back", "BAD_DATE")),
        ("survey", {"kind": "csat", "solved": "partly"}, ("solved", "BAD_BOOLEAN")),
        ("agent_activity", {"agent": "a", "state": "busy", "started": "2026-03-02", "cost": "much"},
         ("cost", "BAD_NUMBER")),
        ("agent_activity", {"agent": "a", "state": "busy", "started": "2026-03-02", "cost": "1",
                            "currency": "QQQ"}, ("currency", "BAD_CURRENCY")),
        ("sla", {"metric": "resolution"}, ("applied", "REQUIRED_MISSING")),
        ("sla", {"applied": "2026-03-02"}, ("metric", "REQUIRED_MISSING")),
        ("sla", {"metric": "resolution", "applied": "2026-03-02", "target": "long"}, ("target", "BAD_DURATION")),
        ("customer", {"lost": "2026-13-02"}, ("lost", "BAD_DATE")),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_set_aside(kind, fields, fault):
    assert codes(kind, fields) == [fault]


@pytest.mark.parametrize("sentiment", ["-1", "1", 0, "0.9999"])
def test_sentiment_has_both_ends_and_three_decimals(sentiment):
    assert codes("interaction", {"channel": "chat", "sentiment": sentiment}) == []


async def test_a_cost_keeps_its_currency(acme):
    base = {"agent": "ann", "state": "busy", "started": "2026-03-02T09:00:00Z"}
    await taken(acme, "agent_activity", {"external_id": "1", **base, "cost": "1000", "currency": "JPY"})
    await taken(acme, "agent_activity", {"external_id": "2", **base})
    row = await one_of(acme, agent_activity, "1")
    assert (row.cost, row.currency) == (1000, "JPY")
    assert (await one_of(acme, agent_activity, "2")).cost is None


async def test_what_a_record_of_a_customer_does_not_say_stays(acme):
    await taken(
        acme,
        "customer",
        {"external_id": "P", "name": "Pat", "segment": "vip", "joined": "2025-01-01", "at_risk": True},
    )
    await taken(acme, "customer", {"external_id": "P", "lost": "2026-03-01"}, {"external_id": "Q"})
    await taken(acme, "interaction", {"external_id": "1", "channel": "chat", "customer": "P"})
    pat = await one_of(acme, customer, "P")
    assert (pat.name, pat.segment, pat.joined_at.year, pat.lost_at.month, pat.at_risk) == (
        "Pat", "vip", 2025, 3, True,
    )  # fmt: skip
    await taken(acme, "customer", {"external_id": "P", "at_risk": False, "segment": "gone"})
    pat = await one_of(acme, customer, "P")
    assert (pat.segment, pat.at_risk, pat.lost_at.month) == ("gone", False, 3)
    assert (await one_of(acme, customer, "Q")).joined_at is None


async def test_an_attribute_of_a_customer_is_kept_and_no_field_of_formulas(acme):
    mapping = load(
        'source = "shop"\nkind = "customer"\n[fields]\nexternal_id = "id"\nlost = "gone"\n'
        '[attributes]\ntier = "Tier"\nseats = { column = "Seats", type = "number" }\n'
    )
    for row in (
        {"id": "P", "Tier": "gold", "Seats": "2.5", "gone": ""},
        {"id": "P", "Tier": "", "Seats": "3", "gone": ""},
    ):
        normalizer = Normalizer(mapping, ("id", "Tier", "Seats", "gone"))
        await bring_in_chunks(acme, [normalizer.records([row])], normalizer.layouts)
    assert (await one_of(acme, customer, "P")).attributes == {"tier": "gold", "seats": 3000}
    assert await rows_of(acme, attribute) == []


async def test_an_sla_instance_marks_its_hours_and_those_of_its_interaction(acme):
    await taken(
        acme, "interaction", {"external_id": "c-1", "channel": "ticket", "started": "2026-03-01T07:30:00Z"}
    )
    await taken(
        acme,
        "sla",
        {
            "external_id": "1",
            "interaction": "c-1",
            "metric": "resolution",
            "applied": "2026-03-01T08:00:00Z",
            "due": "2026-03-02T10:30:00Z",
        },
    )

    async def marked() -> set[datetime]:
        async with acme.read() as session:
            newest = select(write_log.c.number).order_by(write_log.c.number.desc()).limit(1).scalar_subquery()
            rows = select(touched_hour.c.hour).where(
                touched_hour.c.version == newest, touched_hour.c.fact == "sla_instance"
            )
            return set((await session.execute(rows)).scalars())

    assert await marked() == {at(8, day=1), at(10), at(7, day=1)}
    # a change of the interaction marks the hours of the instance, for formulas read both
    await taken(
        acme, "interaction", {"external_id": "c-1", "channel": "ticket", "started": "2026-03-01T06:30:00Z"}
    )
    assert await marked() == {at(8, day=1), at(10), at(7, day=1), at(6, day=1)}


MANY = """
source = "desk"
[fields]
external_id = "Ticket"
channel = { value = "ticket" }
started = "Opened"
customer = "Client"
sentiment = "Mood"
at_risk = { column = "Risk", values = { high = true, low = false } }
[survey]
kind = { value = "csat" }
score = "Stars"
cause = "Why"
called_back = "Callback"
[sla]
metric = { value = "resolution" }
applied = "Opened"
due = "Deadline"
target = { column = "Allowed", unit = "h" }
present = "due"
[customer]
external_id = "Client"
lost = "Gone"
"""
FILE = """Ticket,Opened,Client,Mood,Risk,Stars,Why,Callback,Deadline,Allowed,Gone,Colour
1,2026-03-02 09:00,P,-0.5,high,1,defect,2026-03-03 09:00,2026-03-02 17:00,8,2026-03-20,red
2,2026-03-02 10:00,Q,,low,,,,,,,
3,2026-03-02 11:00,,1.5,,,,,,,,
"""


def test_one_row_makes_an_interaction_a_survey_an_sla_instance_and_a_customer():
    found, rejections, _ = normalize(MANY, FILE)
    assert [(one.line, one.field, one.code) for one in rejections] == [(4, "sentiment", "SCORE_RANGE")]
    assert [row["sentiment"] for row in found["interaction"]] == [-500, None]
    [survey] = found["survey"]
    assert (survey["cause"], survey["called_back_at"]) == ("defect", at(9, day=3))
    [sla] = found["sla"]
    assert (sla["external_id"], sla["interaction_id"]) == ("1:sla", fact_id("desk", "1"))
    assert (sla["applied_at"], sla["due_at"], sla["target"]) == (at(9), at(17), 8 * 3_600_000)
    assert [(row["external_id"], row["lost_at"]) for row in found["customer"]] == [
        ("P", datetime(2026, 3, 20, tzinfo=UTC)), ("Q", None),
    ]  # fmt: skip


def ignored(mapping: Any, header: tuple[str, ...] | None, *rows: dict[str, Any]) -> list[IgnoredColumn]:
    normalizer = Normalizer(mapping, header)
    normalizer.records(list(rows))
    return normalizer.ignored


def test_what_is_not_read_is_told_with_what_was_meant():
    header = tuple(FILE.splitlines()[0].split(","))
    assert ignored(load(MANY), header) == [IgnoredColumn("Colour", None)]
    shape = built_in("interaction", source=SHOP)
    columns = ("external_id", "channel", "startd", "Sentiment", "Colour")
    assert ignored(shape, columns) == [
        IgnoredColumn("startd", "started"),
        IgnoredColumn("Sentiment", "sentiment"),
        IgnoredColumn("Colour", None),
    ]
    row = {"external_id": "1", "channel": "chat"}
    assert ignored(shape, None, row | {"sentimnt": 1}, row | {"agnt": "a", "started": "2026-03-02"}) == [
        IgnoredColumn("agnt", "agent"),
        IgnoredColumn("sentimnt", "sentiment"),
    ]
    assert ignored(shape, None, row) == []


def test_a_nested_object_that_is_read_in_part_is_read():
    mapping = load(
        'source = "s"\n[fields]\nexternal_id = "id"\nchannel = { value = "chat" }\ncustomer = "from.email"\n'
    )
    assert ignored(mapping, None, {"id": 1, "from": {"email": "a@b.c"}, "to": {"email": "x"}}) == [
        IgnoredColumn("to", None)
    ]


ENGLISH = """id,created_at,customer_id,channel,sentiment score,sentiment model,churn risk,csat score,\
reason for low score,called back at,customer says resolved,sla policy,sla due,sla target (hours),sla met at,\
customer since,churn date
{rows}"""
CHINESE = """会话ID,开始时间,客户编号,渠道,情感得分,情感模型,流失风险,满意度,低分原因,回访时间,客户确认解决,\
SLA策略,SLA到期时间,SLA目标时长(小时),SLA达成时间,客户注册时间,流失时间
{rows}"""
CELLS = (
    "S{n},2026-03-{day:02} 09:00:00,C{n},{channel},{mood},m-2,{yes},{stars},{why},2026-04-{day:02} 09:00:00,{no},gold,"
    "2026-03-{day:02} 17:00:00,8,2026-03-{day:02} 16:00:00,2025-01-{day:02} 00:00:00,2026-05-{day:02} 00:00:00"
)


@pytest.mark.parametrize(
    "header, channels, yes, no",
    [(ENGLISH, ("chat", "phone"), "yes", "no"), (CHINESE, ("在线", "电话"), "是", "否")],
)
def test_a_guess_knows_the_names_of_these_fields(tmp_path, header, channels, yes, no):
    lines = [
        CELLS.format(
            n=number,
            day=number + 1,
            channel=channels[number % 2],
            mood=(number - 10) / 10,
            yes=(yes, no)[number % 2],
            no=(no, yes)[number % 2],
            stars=number % 5 + 1,
            why=("price", "wait", "fault")[number % 3],
        )
        for number in range(20)
    ]
    path = tmp_path / "export.csv"
    path.write_text(header.format(rows="\n".join(lines)) + "\n", "utf-8")
    text = guess_mapping(path)
    found, rejections, _ = normalize(load(text), path)
    assert rejections == []
    assert {kind: len(records) for kind, records in found.items()} == dict.fromkeys(
        ("interaction", "survey", "sla", "customer"), 20
    )
    first = {kind: records[0] for kind, records in found.items()}
    assert (first["interaction"]["sentiment"], first["interaction"]["sentiment_model"]) == (-1000, "m-2")
    assert (first["interaction"]["at_risk"], first["interaction"]["started_at"]) == (True, at(9, day=1))
    assert (first["survey"]["score"], first["survey"]["cause"]) == (1000, "price")
    assert first["survey"]["called_back_at"] == datetime(2026, 4, 1, 9, tzinfo=UTC)
    assert first["survey"]["solved"] is False
    assert (first["sla"]["policy"], first["sla"]["target"]) == ("gold", 8 * 3_600_000)
    assert (first["sla"]["applied_at"], first["sla"]["due_at"]) == (at(9, day=1), at(17, day=1))
    assert first["sla"]["achieved_at"] == at(16, day=1)
    assert (first["customer"]["external_id"], first["customer"]["joined_at"]) == (
        "C0", datetime(2025, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    assert first["customer"]["lost_at"] == datetime(2026, 5, 1, tzinfo=UTC)


def test_columns_without_their_record_are_left_as_comments(tmp_path):
    path = tmp_path / "export.csv"
    lines = [f"S{n},2026-03-{n + 1:02} 09:00:00,chat,2025-01-{n + 1:02} 09:00:00,{n},gold" for n in range(20)]
    head = "id,created_at,channel,churn date,sentiment,sla policy"
    path.write_text("\n".join([head, *lines]) + "\n", "utf-8")
    text = guess_mapping(path)
    assert [record.kind for record in load(text).records] == ["interaction"]
    assert "sentiment" not in load(text).records[0].rules  # 0 to 19 is no sentiment
    for column in ("churn date", "sentiment", "sla policy"):
        assert f'column = "{column}"' in text


def test_the_manual_names_every_kind_and_its_fields():
    page = (Path(shapes.__file__).parent / "README.md").read_text("utf-8")
    rows = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    for kind, shape in SHAPES.items():
        names = {field.name for field in shape.fields} - {"external_id", *MOMENTS, "resolved_at"}
        names -= {*DURATIONS, *COUNTS, *OUTCOMES} if kind == "interaction" else set()
        for name in names:
            of_reference = name.endswith("_name") and name.removesuffix("_name") in names
            assert of_reference or f"`{name}`" in rows[kind], (kind, name)
