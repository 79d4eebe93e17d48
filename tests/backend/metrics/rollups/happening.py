"""What may happen to a tenant: records that come, move and are excluded; and what people ask, all at random.

Everything follows from the dice that are handed in, so that what happened once can happen again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from backend.core.windows import Comparison, Grain, Window
from backend.ingestion.records import Chunk, Layout
from backend.ingestion.shapes import SHAPES, FieldType, ShapeField
from backend.interactions.identity import fact_id
from backend.metrics.catalogue import CATALOGUE
from backend.metrics.questions import KpiAsk, Question
from tests.backend.ingestion.importing import SOURCE, chunk_of, layout_of

ZONES = ("Asia/Shanghai", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC")
# Around these days some of the zones move their clocks, by an hour or by half of one; or a month ends.
TURNS = (datetime(2026, 3, 8), datetime(2026, 4, 5), datetime(2025, 11, 2), datetime(2026, 2, 28))
KINDS = tuple(kind for kind in SHAPES if kind not in ("agent", "customer"))
# KPIs that the tenant's people define, and what they may make of each: the unit stays.
OWN_KPIS = {
    "own_volume": ("count(where started)", 'count(where channel = "chat")', "count_distinct(customer)"),
    "own_effort": ("avg(handle_time)", "p90(handle_time)", 'avg(handle_time where channel = "call")'),
    "own_voice": ("avg(survey.score)", "max(survey.score)", "avg(survey.score) at invited"),
}
FORMULAS = (
    "count(where started)",
    "sum(handle_time)",
    "avg(handle_time)",
    "median(handle_time)",
    "p90(wait_time)",
    "min(wait_time)",
    "max(handle_time)",
    "stddev(handle_time)",
    "share(resolved) at closed",
    'avg(handle_time where channel = "chat") at accepted',
    "count_distinct(customer)",
    "sum(amount)",
    "avg(survey.score)",
    "avg(survey.score) at started",
    'share(survey.score >= 4 where channel = "call")',
    'count(where event.kind = "message" and event.actor = "agent")',
    "median(turn.wait)",
    "avg(cycle.duration) at solved",
    "sum(order.amount where order.paid) at paid",
    "share(has(survey.responded))",
    "share(followed_within(2d, started))",
    "share(preceded_within(1d, started, issue_type))",
    "share(not contacted_again_within(2d) where matured(2d))",
    "count() over 3d",
    "count(while open)",
    "sum(activity.duration where activity.state = \"a\")",
    "avg(review.score) including excluded",
)  # fmt: skip
DIMENSIONS = (
    "agent", "channel", "team", "queue", "customer", "issue_type", "weekday", "hour_of_day", "date",
    "month", "language",
)  # fmt: skip
FILTERS = (None, None, None, 'channel = "chat"', 'agent = "X"', "handle_time > 1s", 'weekday = "Monday"')
HOURS_LONG = 9  # days: a longer window is not asked by the hour
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Stage:
    """Where and when it happens: the zone in which days are cut at first, and the day around which all lies."""

    zone: str
    turn: datetime  # a wall-clock midnight

    @property
    def now(self) -> datetime:
        """When people ask at first."""
        return self.turn.replace(tzinfo=UTC) + 4 * DAY + timedelta(hours=11)

    def moment(self, dice: Random) -> datetime:
        """Mostly within a few days, often about the edge of a day or where clocks are moved; some long ago."""
        days = -dice.randrange(8, 45) if dice.random() < 0.12 else dice.randrange(-5, 4)
        wall = self.turn + days * DAY
        match dice.randrange(6):
            case 0:
                wall += dice.choice((-1, 0, 1, 59)) * MINUTE
            case 1:
                wall += timedelta(hours=2) + dice.choice((-31, -1, 0, 1, 29, 31)) * MINUTE
            case 2:
                wall -= timedelta(microseconds=1)
            case _:
                wall += dice.randrange(1440) * MINUTE
        return wall.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC)

    def window(self, dice: Random, zone: str) -> Window:
        """Mostly of whole local days; else begun or ended at any minute."""
        first = (self.turn + dice.randrange(-7, 3) * DAY).date()
        length = dice.choice((1, 5, 8, 8, 12, 12, 40))
        if dice.random() < 0.15:
            first -= 30 * DAY
        window = Window.of_local(first, first + length * DAY, zone)
        if dice.random() < 0.35:
            ragged = [dice.choice((0, 15, 30, 45, 7, 60 * 5, 60 * 13)) * MINUTE for _ in range(2)]
            start, end = window.start.astimezone(UTC), window.end.astimezone(UTC)
            window = Window(start + ragged[0], end + ragged[1] - DAY * (length > 1), zone)
        return window

    def records(self, dice: Random, kind: str, most: int) -> tuple[Layout, Chunk]:
        """Records of a kind with some of its fields, of few ids: many of them are there already."""
        fields = [one for one in SHAPES[kind].fields if one.name not in _LEFT_OUT]
        which = Random(f"{kind} {dice.randrange(_COLUMN_SETS)}")
        chosen = [one for one in fields if one.required or one.name in _ALWAYS or which.random() < 0.7]
        records = []
        for number in dice.sample(range(16), dice.randrange(1, most + 1)):
            record: dict[str, Any] = {"external_id": f"{kind}-{number}"}
            for one in chosen:
                if one.required or dice.random() < 0.85:
                    record[one.column] = self._value(dice, kind, one)
            records.append(record)
        columns = [one.column for one in chosen]
        layout = layout_of(kind, records, columns)
        return layout, chunk_of(layout, records)

    def _value(self, dice: Random, kind: str, one: ShapeField) -> Any:
        if kind == "event" and one.name == "kind":
            return dice.choice(
                ("message", "message", "note", "assigned", "transferred", "solved", "reopened")
            )
        if kind == "agent_activity" and one.name == "state":
            return dice.choice("ab")
        if one.choices:
            return dice.choice(one.choices[:3])
        if one.bounds:
            return dice.randrange(*one.bounds)
        match one.type:
            case FieldType.MOMENT:
                return self.moment(dice)
            case FieldType.INTERACTION:
                return fact_id(SOURCE, f"interaction-{dice.randrange(16)}")
            case FieldType.REFERENCE:
                return dice.choice("XYZ")
            case FieldType.DURATION:
                return dice.choice((0, dice.randrange(-1000, 9000), dice.randrange(9_000_000)))
            case FieldType.INTEGER:
                return dice.randrange(5)
            case FieldType.BOOLEAN:
                return dice.random() < 0.5
            case FieldType.SCORE:
                return dice.randrange(1000, 5000)
            case FieldType.MONEY:
                return dice.choice((dice.randrange(100_000), 10**12 + dice.randrange(99)))
            case _:
                return dice.choice("ab")


_COLUMN_SETS = 2  # of a kind: the statements that write are long, and are made anew for each set
_LEFT_OUT = {"external_id", "scale_min", "scale_max", "currency", "sentiment_model", "problem_id"}
_ALWAYS = {"started", "handle_time", "responded", "score", "customer", "agent"}


def a_kpi(dice: Random) -> KpiAsk:
    """One that came with the tenant, one that its people may have defined, or a formula of their own."""
    match dice.randrange(5):
        case 0 | 1:
            return KpiAsk(dice.choice(CATALOGUE).key)
        case 2:
            return KpiAsk(dice.choice(tuple(OWN_KPIS)))
        case _:
            return KpiAsk("f", dice.choice(FORMULAS))


def a_question(dice: Random, stage: Stage, zone: str) -> Question:
    """Any question."""
    window = stage.window(dice, zone)
    short = window.end - window.start < HOURS_LONG * DAY
    grains = [None, Grain.DAY, Grain.DAY, Grain.WEEK, Grain.MONTH, *([Grain.HOUR] if short else [])]
    kpis = {one.key: one for one in (a_kpi(dice) for _ in range(dice.choice((1, 1, 2))))}
    return Question(
        tuple(kpis.values()),
        window,
        tuple(dice.sample(DIMENSIONS, dice.choice((0, 0, 1, 1, 2)))),
        dice.choice(grains),
        dice.choice(FILTERS),
        dice.choice((None, None, Comparison.PREVIOUS_PERIOD, Comparison.PREVIOUS_YEAR)),
    )


def again(dice: Random, question: Question, stage: Stage, zone: str) -> Question:
    """The same question about another window."""
    window = stage.window(dice, zone)
    long = question.grain is Grain.HOUR and window.end - window.start >= HOURS_LONG * DAY
    return replace(question, window=window, grain=Grain.DAY if long else question.grain)


def all_days(stage: Stage, zone: str) -> Question:
    """A few numbers of all the days on which anything may happen, day by day."""
    first = (stage.turn - 50 * DAY).date()
    formulas = {"n": "count(where started)", "t": "sum(handle_time)", "m": "median(handle_time)"}
    formulas |= {"s": "sum(survey.score)", "r": "share(followed_within(2d, started))"}
    kpis = tuple(KpiAsk(key, formula) for key, formula in formulas.items())
    return Question(kpis, Window.of_local(first, first + 60 * DAY, zone), ("channel",), Grain.DAY)
