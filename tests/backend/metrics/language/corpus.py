"""The formulas of the corpus files, and the tenant they are bound for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from backend.metrics.language.tree import Span
from backend.metrics.language.vocabulary import build_vocabulary

FOLDER = Path(__file__).parent

VOCABULARY = build_vocabulary(
    2,
    (
        ("region", "text", "Region", "大区"),
        ("weight", "number", None, None),
        ("is_vip", "boolean", "VIP", None),
        ("promised", "moment", None, None),
        ("where", "text", None, None),  # a word of the language: attribute.where
        ("channel", "text", None, None),  # a built-in field: attribute.channel
    ),
)
DEFINITIONS = {
    "csat": 'share(survey.score >= 4 where survey.kind = "csat")',
    "answered_rate": "share(answered) at queued",
    "aht": "avg(handle_time) at closed",
    "resolution_rate": "share(resolved where closed) at closed",
    "round": "1 - @about",
    "about": "1 - @round",
    "selfish": "@selfish",
    "broken": "avg(no_such_field)",
    "unreadable": "avg(",
    **{f"level_{level}": f"@level_{level + 1}" for level in range(1, 12)},
    "level_12": "count()",
    "sold": "sum(order.amount) / count()",
    "typical": "median(handle_time)",
}


@dataclass(frozen=True)
class WrongFormula:
    """A formula, the code it must earn, and the place that is to blame."""

    code: str
    text: str
    span: Span


@dataclass(frozen=True)
class RightFormula:
    """A formula, the unit of its result, and its canonical text."""

    unit: str
    text: str
    canonical: str


def wrong_formulas() -> list[WrongFormula]:
    """Those of wrong_formulas.txt."""
    found = []
    for line in _lines("wrong_formulas.txt"):
        code, _, marked = line.partition(" ")
        marked = marked.replace("\\u0000", "\0").replace("\\ud800", "\ud800")
        start, end = marked.index("«"), marked.index("»") - 1
        found.append(WrongFormula(code, marked.replace("«", "").replace("»", ""), Span(start, end)))
    return found


def right_formulas() -> list[RightFormula]:
    """Those of right_formulas.txt."""
    found = []
    for line in _lines("right_formulas.txt"):
        unit, _, formula = line.partition(" ")
        text, _, canonical = formula.partition(" => ")
        found.append(RightFormula(unit, text, canonical or text))
    return found


def _lines(name: str) -> list[str]:
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]
