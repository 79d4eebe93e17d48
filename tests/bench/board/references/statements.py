"""The twelve questions in SQL that PostgreSQL and DuckDB both speak, and their rows as a board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tests.bench.board.document import SINGLES, WINDOW, Asked, Board
from tests.bench.board.workload import CHANNELS

# {0} is a filter of rows, {1} the same as one more condition. A quotient of nothing is NULL.
_AHT = "CAST(sum(handling) {0} AS double precision) / nullif(count(handling) {0}, 0) / 1000"
_CSAT = "CAST(count(*) FILTER (WHERE score >= 4 {1}) AS double precision) / nullif(count(score) {0}, 0)"
_FCR = "CAST(count(*) FILTER (WHERE first_contact {1}) AS double precision) / nullif(count(first_contact) {0}, 0)"
_RESPONSE = "CAST(sum(response) {0} AS double precision) / nullif(count(response) {0}, 0) / 1000"
_MOMENTS = {"aht": "closed", "csat": "responded", "fcr": "started", "response": "started"}
_VALUES = {"aht": _AHT, "csat": _CSAT, "fcr": _FCR, "response": _RESPONSE}


def statements(*, filtered: bool) -> dict[str, str]:
    """SQL by question; $1 and $2 are the window, $3 the start of the one before, then a channel and an issue."""
    within = {moment: _within(moment, filtered) for moment in ("started", "closed", "responded")}
    found = {name: _both(name, filtered) for name in SINGLES}
    found["offered_by_day"] = _by_day("count(*)", "started", within)
    found["aht_by_day"] = _by_day(_plain(_AHT), "closed", within)
    found["csat_by_day"] = _by_day(_plain(_CSAT), "responded", within)
    parts = [
        f"(SELECT agent, {_plain(_VALUES[name])} AS {name} FROM reference.contact "
        f"WHERE {within[_MOMENTS[name]]} GROUP BY agent) AS {name}_part"
        for name in ("csat", "fcr", "aht")
    ]
    found["agents"] = (
        "SELECT agent, 100 * (0.4 * csat + 0.3 * fcr + 0.3 * 600 / (600 + aht)) AS score FROM "
        f"{parts[0]} JOIN {parts[1]} USING (agent) JOIN {parts[2]} USING (agent) "
        f"ORDER BY score DESC NULLS LAST LIMIT ${5 if filtered else 3}"
    )
    found["channels"] = (
        f"SELECT channel, count(*) FROM reference.contact WHERE {within['started']} GROUP BY channel"
    )
    found["heatmap"] = (
        "SELECT CAST(extract(isodow FROM started) AS integer), CAST(extract(hour FROM started) AS integer), "
        "percentile_disc(0.9) WITHIN GROUP (ORDER BY response) FROM reference.contact "
        f"WHERE {within['started']} AND response IS NOT NULL GROUP BY 1, 2"
    )
    found["issues"] = (
        "SELECT issue, CAST(count(*) AS double precision) / CAST(sum(count(*)) OVER () AS double precision) "
        f"FROM reference.contact WHERE {within['started']} GROUP BY issue "
        f"ORDER BY count(*) DESC, issue LIMIT ${5 if filtered else 3}"
    )
    found["scores"] = (
        f"SELECT score, count(*) FROM reference.contact WHERE {within['responded']} GROUP BY score"
    )
    return found


def parameters(name: str, asked: Asked) -> list[Any]:
    """What a statement's numbers stand for."""
    since, until = naive(asked.since), naive(asked.until)
    values: list[Any] = [since, until, *([since - WINDOW] if name in SINGLES else [])]
    values += asked.only or ()
    limits = {"agents": [asked.top], "issues": [asked.issues]}
    return [*values, *limits.get(name, [])]


def naive(moment: datetime) -> datetime:
    """Without its zone, which is UTC everywhere here."""
    return moment.replace(tzinfo=None)


def read(rows: Mapping[str, Sequence[Sequence[Any]]]) -> Board:
    """The rows of every statement as a board."""
    board: Board = {}
    for name in SINGLES:
        [(now, before)] = rows[name]
        board[name] = {
            key: float(value) for key, value in (("now", now), ("before", before)) if value is not None
        }
    for name in ("offered_by_day", "aht_by_day", "csat_by_day"):
        board[name] = {str(day): float(value) for day, value in rows[name] if value is not None}
    for name in ("agents", "issues", "scores"):
        board[name] = {str(key): float(value) for key, value in rows[name] if value is not None}
    board["channels"] = {CHANNELS[channel]: float(count) for channel, count in rows["channels"]}
    board["heatmap"] = {(day - 1, hour): float(value) / 1000 for day, hour, value in rows["heatmap"]}
    return board


def _both(name: str, filtered: bool) -> str:
    moment = _MOMENTS[name]
    value = _VALUES[name]
    now = value.format(f"FILTER (WHERE {moment} >= $1)", f"AND {moment} >= $1")
    before = value.format(f"FILTER (WHERE {moment} < $1)", f"AND {moment} < $1")
    only = _only(4) if filtered else ""
    return f"SELECT {now}, {before} FROM reference.contact WHERE {moment} >= $3 AND {moment} < $2{only}"


def _by_day(value: str, moment: str, within: Mapping[str, str]) -> str:
    return f"SELECT CAST({moment} AS date), {value} FROM reference.contact WHERE {within[moment]} GROUP BY 1"


def _within(moment: str, filtered: bool) -> str:
    return f"{moment} >= $1 AND {moment} < $2{_only(3) if filtered else ''}"


def _only(first: int) -> str:
    return f" AND channel = ${first} AND issue = ${first + 1}"


def _plain(value: str) -> str:
    return value.format("", "")
