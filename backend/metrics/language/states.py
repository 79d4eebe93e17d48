"""The states that rows of a fact are in for a while, as rows: what begins them, what ends them."""

from __future__ import annotations

from collections.abc import Mapping

from backend.metrics.language.types import State

_INTERACTION = (
    State(
        "open", ("started",), ("resolved", "closed"), "open", "未结",
        "Begun, and neither resolved nor closed.", over=("resolved", "abandoned"),
    ),
    State(
        "waiting", ("queued",), ("accepted", "closed", "resolved"), "waiting in a queue", "排队中",
        "In a queue, and not yet taken by an agent.", over=("answered", "resolved", "abandoned"),
    ),
    State(
        "handled", ("accepted",), ("closed", "resolved"), "being handled", "处理中",
        "Taken by an agent, and neither closed nor resolved.", over=("resolved", "abandoned"),
    ),
)  # fmt: skip
_OTHERS = {
    "activity": State("ongoing", ("started",), ("ended",), "going on", "进行中", "Begun, and not yet ended."),
    "sla": State(
        "active", ("applied",), ("achieved",), "running", "进行中", "Applied, and not yet achieved."
    ),
    "turn": State(
        "unanswered", ("started",), ("replied",), "unanswered", "待回复", "Begun, and without reply."
    ),
    "cycle": State("unsolved", ("opened",), ("solved",), "unsolved", "未解决", "Opened, and not yet solved."),
    "base": State("member", ("joined",), ("lost",), "being customers", "在册", "Joined, and not lost."),
}

STATES: Mapping[str, Mapping[str, State]] = {
    "interaction": {state.name: state for state in _INTERACTION},
    **{fact: {state.name: state} for fact, state in _OTHERS.items()},
}
