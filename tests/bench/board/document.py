"""The board as one GraphQL document, and its answer as plain numbers."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.bench.board import workload

WINDOW = timedelta(days=90)
TOP_AGENTS = 20
TOP_ISSUES = 5
# Three aggregates of different rows and moments, weighed.
SCORE = "100 * (0.4 * @csat + 0.3 * @fcr + 0.3 * 10m / (10m + @aht))"

_QUESTIONS = {
    "aht": 'keys: ["aht"], compare: PREVIOUS_PERIOD',
    "csat": 'keys: ["csat"], compare: PREVIOUS_PERIOD',
    "fcr": 'keys: ["fcr"], compare: PREVIOUS_PERIOD',
    "response": 'keys: ["first_response_time"], compare: PREVIOUS_PERIOD',
    "offered_by_day": 'keys: ["contacts_offered"], grain: DAY',
    "aht_by_day": 'keys: ["aht"], grain: DAY',
    "csat_by_day": 'keys: ["csat"], grain: DAY',
    "agents": f'formulas: [{{ name: "score", formula: "{SCORE}" }}], dimensions: ["agent"], '
    'order: { by: "score" }, limit: $top',
    "channels": 'keys: ["contacts_offered"], dimensions: ["channel"]',
    "heatmap": 'keys: ["first_response_time_p90"], dimensions: ["weekday", "hour_of_day"]',
    "issues": 'keys: ["issue_share"], dimensions: ["issue_type"], order: { by: "issue_share" }, '
    "limit: $issues",
    "scores": "formulas: ["
    + ", ".join(
        f'{{ name: "s{n}", formula: "count(where survey.kind = \\"csat\\" and survey.score = {n})" }}'
        for n in range(1, 6)
    )
    + "]",
}
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SINGLES = ("aht", "csat", "fcr", "response")
COUNTS = ("offered_by_day", "channels", "scores")
SERIES = ("offered_by_day", "aht_by_day", "csat_by_day")

DOCUMENT = "\n".join([
    "query Board($window: WindowInput!, $where: String, $top: Int!, $issues: Int!) {",
    *(
        f"  {name}: kpiValues(input: {{ {asked}, window: $window, where: $where }}) "
        f"{{ ...{'Single' if name in SINGLES else 'Rows'} }}"
        for name, asked in _QUESTIONS.items()
    ),
    "}",
    "fragment Single on KpiValuesPayload { problems { message } answer { series { total { value n } "
    "previous { total { value n } } } } }",
    "fragment Rows on KpiValuesPayload { problems { message } answer { buckets dimensions { keys labels } "
    "series { values n numerators total { value } } } }",
])  # fmt: skip

Board = dict[str, dict[Hashable, float]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One board: the 90 days that end `back` days before the data does, and who is to be seen in it.

    `only` is a channel and an issue type by their places in the workload; None for everything. Another `top`
    or `issues` makes another document's variables, so that no two boards of a run need be the same.
    """

    back: int = 0
    only: tuple[int, int] | None = None
    top: int = TOP_AGENTS
    issues: int = TOP_ISSUES

    @property
    def until(self) -> datetime:
        """The end of the window."""
        return workload.START + timedelta(days=workload.DAYS - self.back)

    @property
    def since(self) -> datetime:
        """The start of the window."""
        return self.until - WINDOW

    @property
    def variables(self) -> dict[str, Any]:
        """For the document."""
        where = None
        if self.only is not None:
            channel, issue = self.only
            where = f'channel = "{workload.CHANNELS[channel]}" and issue_type = "{issue}"'
        window = {"from": self.since.date().isoformat(), "to": self.until.date().isoformat()}
        return {"window": window, "where": where, "top": self.top, "issues": self.issues}


class Failed(Exception):
    """The board was answered with errors."""


def read_board(answer: Mapping[str, Any]) -> Board:
    """The numbers of an answer by question and by what each is of. Raises Failed."""
    if answer.get("errors"):
        raise Failed(str(answer["errors"][0]))
    data = answer["data"]
    for name, payload in data.items():
        if payload["problems"]:
            raise Failed(f"{name}: {payload['problems'][0]['message']}")
    answers = {name: payload["answer"] for name, payload in data.items()}
    board: Board = {}
    for name in SINGLES:
        [series] = answers[name]["series"]
        both = {"now": series["total"]["value"], "before": series["previous"]["total"]["value"]}
        board[name] = _present(both)
    for name in SERIES:
        [series] = answers[name]["series"]
        days = [bucket[:10] for bucket in answers[name]["buckets"]]
        board[name] = _present(dict(zip(days, series["values"], strict=True)))
    for name in ("agents", "channels", "issues"):
        [series] = answers[name]["series"]
        [dimension] = answers[name]["dimensions"]
        board[name] = _present(dict(zip(dimension["keys"], series["values"], strict=True)))
    [series] = answers["heatmap"]["series"]
    weekdays, hours = (one["keys"] for one in answers["heatmap"]["dimensions"])
    cells = [(WEEKDAYS.index(day), int(hour)) for day, hour in zip(weekdays, hours, strict=True)]
    board["heatmap"] = _present(dict(zip(cells, series["values"], strict=True)))
    board["scores"] = _present(
        {str(score + 1): one["total"]["value"] for score, one in enumerate(answers["scores"]["series"])}
    )
    for name in COUNTS:  # a group of no rows is not there in SQL
        board[name] = {key: value for key, value in board[name].items() if value}
    return board


def _present(values: Mapping[Any, float | None]) -> dict[Hashable, float]:
    return {key: value for key, value in values.items() if value is not None}
