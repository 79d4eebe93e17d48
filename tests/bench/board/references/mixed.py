"""MIXED: the ideal rollup. Tables made by hand for this one board, four prepared statements, the rest in numpy.

Days hold sums and counts by the moment that each number goes by; hours hold a log histogram of first responses
whose estimate is within 2 %. It serves no filter.
"""

from __future__ import annotations

from collections.abc import Hashable
from math import log
from typing import Any

import asyncpg
import numpy as np

from tests.bench.board.document import WINDOW, Asked, Board
from tests.bench.board.references.statements import naive
from tests.bench.board.workload import CHANNELS

ALPHA = 0.02  # of a value, that its estimate may be off
_GAMMA = (1 + ALPHA) / (1 - ALPHA)
_BUCKETS = 560  # up to 2^32 milliseconds
_SUMS = (
    "offered",
    "response_sum",
    "response_n",
    "at_once",
    "known",
    "handling_sum",
    "handling_n",
    "happy",
    "scored",
)
_SCORES = tuple(f"s{n}" for n in range(1, 6))
_PARTS = {
    "started": "count(*) AS offered, coalesce(sum(response), 0) AS response_sum, count(response) AS response_n, "
    "count(*) FILTER (WHERE first_contact) AS at_once, count(first_contact) AS known",
    "closed": "coalesce(sum(handling), 0) AS handling_sum, count(handling) AS handling_n",
    "responded": "count(*) FILTER (WHERE score >= 4) AS happy, count(score) AS scored, "
    + ", ".join(f"count(*) FILTER (WHERE score = {n}) AS s{n}" for n in range(1, 6)),
}
_DAYS = f"SELECT day, {', '.join(_SUMS + _SCORES)} FROM reference.mixed_day WHERE day >= $1 AND day < $2 ORDER BY day"
_AGENTS = (
    "SELECT agent, sum(happy), sum(scored), sum(at_once), sum(known), sum(handling_sum), sum(handling_n) "
    "FROM reference.mixed_agent WHERE day >= $1 AND day < $2 GROUP BY agent"
)
_MEMBERS = "SELECT kind, member, sum(n) FROM reference.mixed_member WHERE day >= $1 AND day < $2 GROUP BY kind, member"
_SKETCHES = "SELECT place, counts FROM reference.mixed_sketch WHERE hour >= $1 AND hour < $2"


class Mixed:
    """Asks the ideal rollups."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    @classmethod
    async def build(cls, connection: asyncpg.Connection) -> Mixed:
        """Makes the rollups from the plain table."""
        for table, key in (("mixed_day", ""), ("mixed_agent", "agent")):
            names = ", ".join(["day", *([key] if key else [])])
            parts = [
                f"(SELECT CAST({moment} AS date) AS day, {key + ', ' if key else ''}{parts} "
                f"FROM reference.contact WHERE {moment} IS NOT NULL GROUP BY {names}) AS by_{moment}"
                for moment, parts in _PARTS.items()
            ]
            sums = ", ".join(f"coalesce({name}, 0)::bigint AS {name}" for name in _SUMS + _SCORES)
            joined = f" FULL JOIN {parts[1]} USING ({names}) FULL JOIN {parts[2]} USING ({names})"
            await connection.execute(
                f"CREATE TABLE reference.{table} AS SELECT {names}, {sums} FROM {parts[0]}{joined} ORDER BY {names};"
                f"ALTER TABLE reference.{table} ADD PRIMARY KEY ({names})"
            )
        await connection.execute(
            "CREATE TABLE reference.mixed_member AS SELECT CAST(started AS date) AS day, kind, member, count(*) AS n "
            "FROM reference.contact, LATERAL (VALUES (0::smallint, channel), (1::smallint, issue)) v (kind, member) "
            "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;"
            "ALTER TABLE reference.mixed_member ADD PRIMARY KEY (day, kind, member);"
            "CREATE TABLE reference.mixed_sketch (hour timestamp PRIMARY KEY, place smallint, counts bytea)"
        )
        await _sketch(connection)
        await connection.execute("VACUUM (ANALYZE, FREEZE)")
        return cls(connection)

    async def ask(self, asked: Asked) -> Board:
        """The board without a filter."""
        since, until = naive(asked.since), naive(asked.until)
        connection = self._connection
        days = await connection.fetch(_DAYS, (since - WINDOW).date(), until.date())
        agents = await connection.fetch(_AGENTS, since.date(), until.date())
        members = await connection.fetch(_MEMBERS, since.date(), until.date())
        sketches = await connection.fetch(_SKETCHES, since, until)
        board = _by_day(days, since.date())
        board["agents"] = _ranked(agents, asked.top)
        channels: dict[Hashable, float] = {
            CHANNELS[member]: float(n) for kind, member, n in members if kind == 0
        }
        board["channels"] = channels
        total = sum(channels.values())
        issues = sorted(((-n, member) for kind, member, n in members if kind == 1))[: asked.issues]
        board["issues"] = {str(member): -float(n) / total for n, member in issues}
        board["heatmap"] = _percentiles(sketches)
        return board


async def _sketch(connection: asyncpg.Connection) -> None:
    rows = await connection.fetch(
        "SELECT date_trunc('hour', started) AS hour, ceil(ln(greatest(response, 1)) / $1::float8)::int AS bucket, "
        "count(*) AS n FROM reference.contact WHERE response IS NOT NULL GROUP BY 1, 2 ORDER BY 1",
        log(_GAMMA),
    )
    hours: dict[Any, np.ndarray] = {}
    for hour, bucket, n in rows:
        hours.setdefault(hour, np.zeros(_BUCKETS, "<u2"))[bucket] = n
    records = [(hour, hour.weekday() * 24 + hour.hour, counts.tobytes()) for hour, counts in hours.items()]
    await connection.copy_records_to_table("mixed_sketch", schema_name="reference", records=records)


def _by_day(rows: list[Any], since: Any) -> Board:
    numbers = np.array([tuple(row)[1:] for row in rows], np.int64)
    days = [row["day"] for row in rows]
    first = next((at for at, day in enumerate(days) if day >= since), len(days))
    place = {name: at for at, name in enumerate(_SUMS + _SCORES)}
    now, before = numbers[first:], numbers[:first]

    def share(part: np.ndarray, top: str, bottom: str, scale: float = 1.0) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            return part[..., place[top]] / part[..., place[bottom]] * scale

    def both(top: str, bottom: str, scale: float = 1.0) -> dict[Any, float]:
        found = {
            "now": share(now.sum(0), top, bottom, scale),
            "before": share(before.sum(0), top, bottom, scale),
        }
        return {key: float(value) for key, value in found.items() if np.isfinite(value)}

    def daily(values: np.ndarray) -> dict[Any, float]:
        found = zip(days[first:], values.tolist(), strict=True)
        return {day.isoformat(): float(value) for day, value in found if np.isfinite(value)}

    return {
        "aht": both("handling_sum", "handling_n", 0.001),
        "csat": both("happy", "scored"),
        "fcr": both("at_once", "known"),
        "response": both("response_sum", "response_n", 0.001),
        "offered_by_day": daily(now[:, place["offered"]]),
        "aht_by_day": daily(share(now, "handling_sum", "handling_n", 0.001)),
        "csat_by_day": daily(share(now, "happy", "scored")),
        "scores": {
            name[1:]: float(now[:, place[name]].sum()) for name in _SCORES if now[:, place[name]].any()
        },
    }


def _ranked(rows: list[Any], top: int) -> dict[Any, float]:
    numbers = np.array([tuple(map(int, row)) for row in rows], np.int64)
    with np.errstate(invalid="ignore", divide="ignore"):
        csat, fcr = numbers[:, 1] / numbers[:, 2], numbers[:, 3] / numbers[:, 4]
        aht = numbers[:, 5] / numbers[:, 6] / 1000
        score = 100 * (0.4 * csat + 0.3 * fcr + 0.3 * 600 / (600 + aht))
    order = np.argsort(-score)[:top]  # NaN comes last
    return {str(numbers[at, 0]): float(score[at]) for at in order if np.isfinite(score[at])}


def _percentiles(rows: list[Any]) -> dict[Any, float]:
    counts = np.frombuffer(b"".join([row[1] for row in rows]), "<u2").reshape(-1, _BUCKETS)
    places = np.array([row[0] for row in rows])
    order = np.argsort(places, kind="stable")
    held, firsts = np.unique(places[order], return_index=True)
    sums = np.add.reduceat(counts[order], firsts, axis=0, dtype=np.int64)
    reached = np.cumsum(sums, axis=1)
    ranks = np.ceil(0.9 * reached[:, -1])
    buckets = np.argmax(reached >= ranks[:, None], axis=1)
    values = 2 * _GAMMA**buckets / (_GAMMA + 1) / 1000
    return {
        (int(place) // 24, int(place) % 24): float(value) for place, value in zip(held, values, strict=True)
    }
