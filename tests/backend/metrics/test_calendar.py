"""Buckets and calendar fields by the wall clock of a zone, over the days when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from backend.core.windows import Grain, Window, bucket_starts
from backend.metrics.questions import Order
from tests.backend.metrics.builders import World, local, table

BERLIN, KOLKATA, SHANGHAI = "Europe/Berlin", "Asia/Kolkata", "Asia/Shanghai"


def days(first: str, last: str, zone: str) -> Window:
    """Whole local days, the last one not included."""
    return Window.of_local(datetime.fromisoformat(first), datetime.fromisoformat(last), zone)


async def started(world: World, *moments: datetime) -> None:
    await world.interact(*({"started_at": moment} for moment in moments))


async def every_quarter_hour(world: World, window: Window) -> int:
    moments = []
    moment = window.start.astimezone(UTC)
    while moment < window.end:
        moments.append(moment)
        moment += timedelta(minutes=15)
    await started(world, *moments)
    return len(moments)


@pytest.mark.parametrize("day, hours", [("2026-03-29", 23), ("2026-10-25", 25), ("2026-10-26", 24)])
async def test_a_local_day_has_as_many_hours_as_the_clock_gives_it(world: World, day: str, hours: int):
    after = (datetime.fromisoformat(day) + timedelta(days=1)).date().isoformat()
    window = days(day, after, BERLIN)
    assert await every_quarter_hour(world, window) == hours * 4
    by_hour = await world.ask("count()", window=window, grain=Grain.HOUR)
    assert by_hour.columns[0].values == [4.0] * hours
    by_day = await world.ask("count()", window=window, grain=Grain.DAY)
    assert by_day.columns[0].values == [hours * 4.0]


async def test_the_repeated_hour_is_two_buckets(world: World):
    window = days("2026-10-25", "2026-10-26", BERLIN)
    await started(
        world,
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 45, tzinfo=UTC),
    )
    found = {
        key: value
        for key, value in table(await world.ask("count()", window=window, grain=Grain.HOUR)).items()
        if value
    }
    assert found == {"2026-10-25T02:00:00+02:00": 1.0, "2026-10-25T02:00:00+01:00": 2.0}
    # by hour of day they are one
    assert table(await world.ask("count()", window=window, dimensions=("hour_of_day",))) == {"02": 3.0}


async def test_half_hour_zones(world: World):
    window = days("2026-02-02", "2026-02-03", KOLKATA)
    await started(
        world,
        local("2026-02-02 00:00", KOLKATA),
        local("2026-02-02 00:59", KOLKATA),
        local("2026-02-02 01:00", KOLKATA),
        local("2026-02-01 23:59", KOLKATA),
    )
    by_hour = table(await world.ask("count()", window=window, grain=Grain.HOUR))
    assert len(by_hour) == 24
    assert by_hour["2026-02-02T00:00:00+05:30"] == 2.0
    assert by_hour["2026-02-02T01:00:00+05:30"] == 1.0


async def test_one_moment_lies_in_different_days(world: World):
    moment = datetime(2026, 2, 2, 17, tzinfo=UTC)  # after midnight in Shanghai, before it in Berlin
    await started(world, moment)
    for zone, day in ((SHANGHAI, "2026-02-03"), (BERLIN, "2026-02-02")):
        window = days("2026-02-01", "2026-02-08", zone)
        answer = await world.ask("count()", window=window, dimensions=("date",))
        assert table(answer) == {day: 1.0}
        buckets = table(await world.ask("count()", window=window, grain=Grain.DAY))
        assert {key[:10] for key, value in buckets.items() if value} == {day}


@pytest.mark.parametrize("zone", [BERLIN, KOLKATA, SHANGHAI, "America/St_Johns", "Australia/Lord_Howe"])
@pytest.mark.parametrize("grain", list(Grain))
async def test_rows_fall_into_the_buckets_that_windows_cut(world: World, zone: str, grain: Grain):
    random = Random(7)
    # both changes of every zone, and a window that begins and ends within buckets
    length = timedelta(days=420) if grain is not Grain.HOUR else timedelta(days=40)
    start = datetime(2026, 3, 3, 7, 20, tzinfo=UTC)
    window = Window(start, start + length, zone)
    moments = [
        start + timedelta(seconds=random.randrange(-90_000, int(length.total_seconds()) + 90_000))
        for _ in range(300)
    ]
    await started(world, *moments)
    starts = bucket_starts(window, grain)
    expected = [0.0] * len(starts)
    for moment in moments:
        if window.start <= moment < window.end:
            expected[max(at for at, one in enumerate(starts) if one <= moment)] += 1
    answer = await world.ask("count()", window=window, grain=grain)
    assert answer.buckets == starts
    assert answer.columns[0].values == expected


async def test_calendar_fields_are_those_of_the_wall_clock(world: World):
    random = Random(11)
    zone = ZoneInfo(BERLIN)
    window = Window.of_local(datetime(2025, 12, 1), datetime(2027, 2, 1), BERLIN)
    moments = [
        datetime(2025, 12, 1, tzinfo=UTC) + timedelta(minutes=random.randrange(600_000)) for _ in range(200)
    ]
    await started(world, *moments)
    walls = [moment.astimezone(zone) for moment in moments if window.start <= moment < window.end]
    spelt = {
        "hour_of_day": lambda wall: f"{wall:%H}",
        "weekday": lambda wall: (
            "Monday",
            "Tuesday",
            "Wednesday",
            "Thursday",
            "Friday",
            "Saturday",
            "Sunday",
        )[wall.weekday()],
        "date": lambda wall: wall.date().isoformat(),
        "iso_week": lambda wall: f"{wall.isocalendar().year}-W{wall.isocalendar().week:02d}",
        "month": lambda wall: f"{wall:%Y-%m}",
        "quarter": lambda wall: f"{wall.year}-Q{(wall.month + 2) // 3}",
        "year": lambda wall: f"{wall.year}",
    }
    for name, spell in spelt.items():
        expected: dict[str, float] = {}
        for wall in walls:
            expected[spell(wall)] = expected.get(spell(wall), 0) + 1
        assert table(await world.ask("count()", window=window, dimensions=(name,))) == expected, name
        for key in list(expected)[:3]:
            literal = str(int(key)) if name in ("hour_of_day", "year") else f'"{key}"'
            found = await world.total("count()", window=window, where=f"{name} = {literal}")
            assert found.value == expected[key], (name, key)


async def test_a_range_of_dates(world: World):
    window = days("2026-02-01", "2026-03-01", SHANGHAI)
    await every_quarter_hour(world, days("2026-02-09", "2026-02-12", SHANGHAI))
    found = await world.total(
        "count()", window=window, where='date >= "2026-02-10" and date < "2026-02-11" and hour_of_day >= 12'
    )
    assert found.value == 48.0


async def test_calendar_members_run_in_their_own_order(world: World):
    window = days("2026-02-02", "2026-02-09", "UTC")
    await every_quarter_hour(world, window)
    by_weekday = await world.ask("count()", window=window, dimensions=("weekday",))
    assert [member.key for (member,) in by_weekday.members] == [
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
    ]
    backwards = await world.ask("count()", window=window, dimensions=("weekday",), order=Order("weekday"))
    assert [member.key for (member,) in backwards.members][:2] == ["Sunday", "Saturday"]
    by_hour = await world.ask("count()", window=window, dimensions=("hour_of_day",))
    assert [member.key for (member,) in by_hour.members] == [f"{hour:02d}" for hour in range(24)]


async def test_calendar_fields_follow_the_anchor(world: World):
    await world.interact({"started_at": local("2026-02-02 23:50"), "closed_at": local("2026-02-03 00:10")})
    assert table(await world.ask("count()", dimensions=("weekday",))) == {"Monday": 1.0}
    assert table(await world.ask("count() at closed", dimensions=("weekday",))) == {"Tuesday": 1.0}


async def test_without_a_window_the_tenants_zone_counts(world: World):
    await started(world, local("2026-02-02 23:50"))
    await world.interact({"started_at": None})
    assert table(await world.ask("count()", window=None, dimensions=("date",))) == {
        "2026-02-02": 1.0,
        None: 1.0,
    }
