"""Whether two boards say the same."""

from __future__ import annotations

from tests.bench.board.document import Board

EXACT = 1e-9  # of a value: what the order of floating-point steps may change
RANKED = ("agents", "issues")


class Differs(Exception):
    """Two ways of answering came to different numbers: no time of theirs means anything."""


def worst_error(board: Board, truth: Board) -> float:
    """The largest relative error of any cell of the heatmap."""
    errors = [
        abs(board["heatmap"][cell] - value) / value for cell, value in truth["heatmap"].items() if value
    ]
    return max(errors, default=0.0)


def check(name: str, board: Board, truth: Board, *, percentile: float) -> None:
    """Raises Differs unless all counts, sums and quotients are those of `truth`, in the same order where there is
    one, and each percentile is within that share of its.
    """
    for question, expected in truth.items():
        found = board[question]
        if set(found) != set(expected):
            raise Differs(f"{name}, {question}: it is of {_few(found, expected)}")
        bound = percentile if question == "heatmap" else EXACT
        for key, value in expected.items():
            if abs(found[key] - value) > bound * max(abs(value), 1e-12):
                raise Differs(f"{name}, {question}, {key}: {found[key]} and not {value}")
        if question in RANKED and list(found) != list(expected):
            raise Differs(f"{name}, {question}: another order")


def _few(found: dict, expected: dict) -> str:
    more, fewer = list(found.keys() - expected.keys())[:3], list(expected.keys() - found.keys())[:3]
    return f"{len(found)} members, not of {len(expected)}; too many {more}, missing {fewer}"
