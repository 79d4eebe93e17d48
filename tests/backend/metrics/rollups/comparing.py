"""Statements answered twice: by rows, with SQL, and from packed columns; and facts on which the two might differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import insert, select

from backend.core.windows import Grain, Window, bucket_starts
from backend.interactions import models
from backend.metrics import definitions, repository
from backend.metrics.language.bound import Basis, Row
from backend.metrics.planning.frames import Frames
from backend.metrics.planning.lowering import Setting, lower
from backend.metrics.planning.lowering.columns import lower_columns
from backend.metrics.planning.planner import Statement, plan
from backend.metrics.preparation import Preparation
from backend.metrics.questions import Question
from backend.metrics.rollups.columns import Collected, collect, named_in, needed
from backend.metrics.rollups.columns_packs import Unfit, fold, pack_columns, unpacked
from backend.metrics.rollups.columns_table import Names, Table
from tenants.database import ReadSession
from tests.backend.metrics.builders import EVERYTHING, World

NAMED = (models.agent, models.team, models.queue, models.customer, models.issue_type, models.product)


@dataclass
class Comparison:
    """How many statements were answered twice, and why the others were not."""

    fit: int = 0
    groups: int = 0
    unfit: list[str] = field(default_factory=list)


class Twice:
    """Answers statements both ways and says where they differ."""

    def __init__(self, world: World, dice: Random) -> None:
        self._world, self._dice = world, dice
        self.seen = Comparison()

    async def compare(self, *questions: Question) -> list[str]:
        """The differences; none, if all is well."""
        wrong = []
        async with self._world.tenant.read(snapshot=True) as session:
            setting, statements = await self._planned(session, questions)
            names = await all_names(session)
            for statement in statements:
                try:
                    table = await self._table(session, statement, setting, names)
                    found = collect(statement, table)
                except Unfit as why:
                    self.seen.unfit.append(str(why))
                    continue
                expected = await by_rows(session, statement, setting)
                self.seen.fit += 1
                self.seen.groups += sum(len(groups) for groups in expected.values())
                wrong += list(differences(expected, found))
        return wrong

    async def _planned(
        self, session: ReadSession, questions: Sequence[Question]
    ) -> tuple[Setting, tuple[Statement, ...]]:
        tenant = self._world.tenant.tenant
        now = datetime(2026, 4, 3, 7, tzinfo=UTC)
        kpis, history = await definitions.list_histories(session, now)
        attributes = await repository.list_attributes(session)
        preparation = Preparation.of(kpis, attributes, tenant.zone, tenant.currency, EVERYTHING, history)
        setting = Setting(preparation.vocabulary, tenant.zone, tenant.currency, EVERYTHING, now)
        tasks = [preparation.prepare(question).task for question in questions]
        return setting, plan(tasks).statements

    async def _table(
        self, session: ReadSession, statement: Statement, setting: Setting, names: Names
    ) -> Table:
        leaves, window = needed(statement), statement.scan.window
        assert window is not None
        kept = {name: names[name] for name in named_in(statement)}
        return await table_of(session, statement.scan.basis, leaves, window, setting, kept, self._dice)


async def table_of(
    session: ReadSession,
    basis: Basis,
    leaves: Sequence[Row],
    window: Window,
    setting: Setting,
    names: Names,
    dice: Random,
) -> Table:
    """The table of a window's days, from packs that were folded and cut at random."""
    wider = Window(window.start - timedelta(days=3), window.end + timedelta(days=2), window.zone)
    wider = Window.of_local(wider.start.date(), wider.end.date(), window.zone)
    read = lower_columns(basis, leaves, wider, setting)
    rows = (await session.execute(read.select)).all()
    packs = pack_columns(read, rows)
    folded = {leaf: _folded([content for _, content in days], dice) for leaf, days in packs.items()}
    columns = {leaf: [unpacked(content) for content in contents] for leaf, contents in folded.items()}
    return Table.of(window.zone, days_in(window), columns, names, setting.now)


def _folded(contents: list[bytes], dice: Random) -> list[bytes]:
    found = []
    while contents:
        size = dice.choice([1, 1, 2, 7, 40])
        found.append(fold(contents[:size]) if size > 1 else contents[0])
        contents = contents[size:]
    return found


def days_in(window: Window) -> list[date]:
    """The local days of a window."""
    return [start.date() for start in bucket_starts(window, Grain.DAY)]


async def by_rows(session: ReadSession, statement: Statement, setting: Setting) -> Collected:
    """What the statement's own select brings back."""
    frames = Frames()
    lowered = lower(statement, setting)
    frames.add(lowered, (await session.execute(lowered.select)).all())
    return {
        (split, part): dict(frames.groups(statement.scan, split, part))
        for split, parts in statement.needs
        for part in parts
    }


async def all_names(session: ReadSession) -> dict[str, dict[int, str]]:
    """Every named thing by its id."""
    found = {}
    for table in NAMED:
        rows = await session.execute(select(table.c.id, table.c.external_id))
        found[table.name] = {row.id: row.external_id for row in rows}
    return found


def differences(expected: Collected, found: Collected) -> list[str]:
    """Groups and values that differ, be it in their types only."""
    wrong = [] if expected.keys() == found.keys() else ["other splits or parts"]
    for (split, part), groups in expected.items():
        one, other = (_spelled(each) for each in (groups, found[split, part]))
        if one != other:
            gone = {
                key: (one.get(key), other.get(key)) for key in one | other if one.get(key) != other.get(key)
            }
            wrong.append(f"{part.collect} {part.value} where {part.condition} by {split.keys}: {gone}"[:2000])
    return wrong


def _spelled(groups: dict[Any, Any]) -> dict[str, Any]:
    return {repr(key): repr(value) for key, value in groups.items()}


async def odd_facts(
    world: World, dice: Random, first: date, days: int, count: int, near: datetime | None = None
) -> None:
    """Interactions and surveys with everything in them on which two computations might part.

    Many of them begin within two hours of an instant, `near`.
    """

    def some(value: Any, often: float = 0.8) -> Any:
        return value if dice.random() < often else None

    def moment() -> datetime:
        start = datetime(first.year, first.month, first.day, tzinfo=UTC)
        if near is not None and dice.random() < 0.3:
            return near + timedelta(minutes=dice.randrange(-120, 120))
        step = dice.choice([1, 1000, 1_000_000, 900_000_000])  # microseconds
        return start + timedelta(microseconds=dice.randrange(days * 86_400_000_000 // step) * step)

    ids = {table.name: list((await world.name(table, *names)).values()) for table, names in _NAMES.items()}
    async with world.tenant.write() as session:
        rows = [{"key": key, "type": kind} for key, kind in ATTRIBUTES.items()]
        await session.execute(insert(models.attribute).values(rows))

    def named(name: str) -> Any:
        return some(dice.choice([*ids[name], 9999]))  # the last one has no name

    def interaction() -> dict[str, Any]:
        started = moment()
        row: dict[str, Any] = {
            f"{name}_at": some(started + timedelta(microseconds=dice.randrange(-2_000_000, 10**11)))
            for name in models.MOMENTS
        }
        row |= {"started_at": some(started, 0.95)}
        row |= {name: some(dice.choice([0, 1, 999, dice.randrange(10**8)])) for name in models.DURATIONS}
        row |= {name: some(dice.randrange(9)) for name in models.COUNTS}
        row |= {name: some(dice.random() < 0.5) for name in (*models.OUTCOMES, "at_risk")}
        row |= {f"{name}_id": named(name) for name in ids}
        return row | {
            "channel": dice.choice(models.CHANNELS),
            "amount": some(dice.choice([dice.randrange(-(10**6), 10**6), 10**12])),
            "currency": dice.choice(["USD", "EUR"]),
            "priority": some(dice.choice(["high", "low", "High", ""])),
            "language": some(dice.choice(["en", "zh", "high"])),
            "segment": some(dice.choice(["Pro 100%", "pro 1000", "太慢了", "INFO"])),
            "product_version": some(
                dice.choice(["Élan", "élan", "İ"] if dice.random() < 0.02 else ["Élan", "lan"])
            ),
            "problem_id": some(dice.choice(["p1", "p2", "p3"]), 0.4),
            "sentiment": some(dice.randrange(-1000, 1001)),
            "exclusion": some("spam", 0.1),
            "excluded_values": some({"handle_time": -5, "wait_time": -dice.randrange(9)}, 0.2),
            "attributes": {
                key: value
                for key, value in {
                    "weight": dice.randrange(-3000, 3000),
                    "gold": dice.random() < 0.5,
                    "tier": dice.choice(["a", "b", 7]),
                    "signed": moment().isoformat(),
                    "spent": dice.choice([dice.randrange(10**6), "much"]),
                    "odd": dice.choice([1, 1.5]),
                }.items()
                if dice.random() < 0.8
            },
        }

    made = await world.interact(*[interaction() for _ in range(count)])
    await world.survey(
        *[
            {
                "interaction_id": some(dice.choice(made)["id"], 0.9),
                "kind": dice.choice(["csat", "csat", "ces"]),
                "score": some(1000 * dice.randint(1, 5)),
                "responded_at": some(moment()),
                "agent_id": named("agent") if dice.random() < 0.3 else None,
                "comment": some(dice.choice(["too slow", "Too SLOW", "fine"])),
                "exclusion": some("staff", 0.1),
            }
            for _ in range(count // 2)
        ]
    )


ATTRIBUTES = {
    "weight": "number", "gold": "boolean", "tier": "text", "signed": "moment", "spent": "money", "odd": "number",
}  # fmt: skip
_NAMES = {
    models.agent: ("ann", "bob", "cy"),
    models.team: ("north", "south"),
    models.queue: ("billing", "shop"),
    models.customer: tuple(f"c{at}" for at in range(30)),
    models.issue_type: ("late", "broken"),
    models.product: ("pro", "lite"),
}
