"""Random definitions through time against what a person would work out on paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert

from backend.core.windows import Comparison, Grain, Window
from backend.metrics.models import kpi_version
from backend.metrics.questions import Answer, Order
from tenants.database import TenantDatabase
from tests.backend.metrics.authors import Ann
from tests.backend.metrics.builders import World, asked
from tests.conftest import StandingClock

DAY = timedelta(days=1)
Rows = Sequence[dict[str, Any]]
Meaning = Callable[[Rows, Callable[[str], int]], int]

# Formulas, and what they count, said in Python; `at` gives the value of another KPI for the same rows and day.
MEANINGS: dict[str, dict[str, Meaning]] = {
    "base": {
        "count()": lambda rows, at: len(rows),
        "count(where answered) * 3": lambda rows, at: 3 * sum(row["answered"] is True for row in rows),
        'count(where channel = "chat")': lambda rows, at: sum(row["channel"] == "chat" for row in rows),
        "count(where transfers > 1)": lambda rows, at: sum(row["transfers"] > 1 for row in rows),
    },
    "middle": {
        "@base * 2": lambda rows, at: 2 * at("base"),
        "@base + count(where transfers = 0)": lambda rows, at: (
            at("base") + sum(row["transfers"] == 0 for row in rows)
        ),
        "count() * 7": lambda rows, at: 7 * len(rows),
    },
    "top": {
        "@middle - @base": lambda rows, at: at("middle") - at("base"),
        "@middle where answered": lambda rows, at: at("middle"),  # see `value`
        "@base * 11": lambda rows, at: 11 * at("base"),
    },
}


class Book:
    """Versions as a person would keep them on paper, and the values they give."""

    def __init__(self) -> None:
        self.versions: dict[str, list[tuple[date, str]]] = {}

    def text(self, key: str, day: date) -> str:
        written = self.versions[key]
        day = max(day, written[0][0])  # what came before a KPI's first day is as that
        return next(text for start, text in reversed(written) if start <= day)

    def value(self, key: str, rows: Rows, day: date) -> int:
        text = self.text(key, day)
        if text.endswith(" where answered"):
            rows = [row for row in rows if row["answered"] is True]
        return MEANINGS[key][text](rows, lambda other: self.value(other, rows, day))


async def keep(tenant: TenantDatabase, ann: Ann, book: Book, random: Random, today: date) -> None:
    """Creates the three KPIs and writes revisions of any days, in any order."""
    for key, meanings in MEANINGS.items():
        texts = [random.choice(list(meanings)) for _ in range(random.randrange(1, 7))]
        await ann.create(key, texts[0])
        days = [today + timedelta(days=random.randrange(-40, 15)) for _ in texts]
        book.versions[key] = list(zip(days, texts, strict=True))
        async with tenant.write() as session:
            await session.execute(kpi_version.delete().where(kpi_version.c.kpi_key == key))
            for number, (day, text) in enumerate(book.versions[key], 1):
                await session.execute(
                    insert(kpi_version).values(
                        kpi_key=key, version=number, formula=text, effective_from=day, created_by="ann"
                    )
                )


def bucket_of(day: date, grain: Grain) -> date:
    match grain:
        case Grain.WEEK:
            return day - day.weekday() * DAY
        case Grain.MONTH:
            return day.replace(day=1)
    return day


def days_of(window: Window) -> list[date]:
    first, last = (moment.astimezone(ZoneInfo(window.zone)).date() for moment in (window.start, window.end))
    return [first + days * DAY for days in range((last - first).days)]


@pytest.mark.parametrize("seed", range(8))
async def test_every_cell_is_by_the_formulas_of_its_last_day(
    world: World, ann: Ann, clock: StandingClock, seed: int
):
    random = Random(seed)
    zone = random.choice(
        ["Europe/Berlin", "America/Santiago", "UTC"]
    )  # both turn their clocks in these weeks
    object.__setattr__(world.tenant.tenant, "zone", zone)
    clock.advance(days=35)  # 6 April
    today = clock().astimezone(ZoneInfo(zone)).date()
    book = Book()
    await keep(world.tenant, ann, book, random, today)
    start = datetime.combine(today - 75 * DAY, time(), UTC)
    await world.interact(
        *(
            {
                "started_at": start + timedelta(minutes=random.randrange(80 * 24 * 60)),
                "channel": random.choice(["chat", "call"]),
                "answered": random.choice([True, False, None]),
                "transfers": random.randrange(4),
            }
            for _ in range(1500)
        )
    )

    def rows_on(days: Sequence[date], channel: str | None = None) -> Rows:
        return [
            row
            for row in world.interactions
            if row["started_at"].astimezone(ZoneInfo(zone)).date() in days
            and channel in (None, row["channel"])
        ]

    def expected(key: str, days: Sequence[date], channel: str | None = None) -> int:
        return book.value(key, rows_on(days, channel), min(days[-1], today))

    first = today - random.randrange(30, 45) * DAY
    window = Window.of_local(first, today + random.randrange(-3, 4) * DAY, zone)
    previous = window.compared(Comparison.PREVIOUS_PERIOD)
    for grain in (Grain.DAY, Grain.WEEK, Grain.MONTH):
        buckets: list[dict[date, list[date]]] = [{}, {}]
        for each, within in zip(buckets, (window, previous), strict=True):
            for day in days_of(within):
                each.setdefault(bucket_of(day, grain), []).append(day)
        question = asked(
            "@base",
            "@middle",
            "@top",
            "@middle - @top",
            window=window,
            grain=grain,
            comparison=Comparison.PREVIOUS_PERIOD,
        )
        [answer] = await world.ask_all(question)
        assert isinstance(answer, Answer), answer
        assert answer.previous_columns is not None
        for at, key in enumerate(MEANINGS):
            column, before = answer.columns[at], answer.previous_columns[at]
            wanted = [expected(key, days) for days in buckets[0].values()]
            assert column.values == wanted, (key, grain)
            wanted = [expected(key, days) for days in buckets[1].values()]
            assert before.values[: len(wanted)] == wanted[: len(before.values)], (key, grain)
            assert answer.totals[at].value == expected(key, days_of(window))
            assert answer.previous_totals is not None
            assert answer.previous_totals[at].value == expected(key, days_of(previous))
            used = {book.text(key, min(days[-1], today)) for each in buckets for days in each.values()}
            assert {one.formula for one in column.kpi.versions} == used
            assert column.kpi.formula == book.text(key, min(days_of(window)[-1], today))
        middle, top = (answer.columns[at].values for at in (1, 2))
        assert answer.columns[3].values == [a - b for a, b in zip(middle, top, strict=True)]  # type: ignore[operator]
        assert answer.columns[3].kpi.versions == ()

        question = asked("@top", window=window, grain=grain, dimensions=("channel",), order=Order("top"))
        [split] = await world.ask_all(question)
        assert isinstance(split, Answer)
        assert split.buckets is not None
        channels = [member.key for (member,) in split.members]
        for row, bucket in enumerate(split.buckets):
            days = buckets[0][bucket.date()]
            assert split.columns[0].values[row] == expected("top", days, channels[row])
        ranked = sorted(set(channels), key=lambda one: -expected("top", days_of(window), one))
        assert [expected("top", days_of(window), one) for one in ranked] == [
            expected("top", days_of(window), one) for one in dict.fromkeys(channels)
        ]
    total = (await world.ask("@top", window=None)).totals[0]
    assert total.value == book.value("top", world.interactions, today)
