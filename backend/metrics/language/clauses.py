"""The clauses of the language, as rows: what stands after an aggregate's argument, or after a whole formula."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause: `word` begins it, `written` is its form, `example` a formula that can be tried."""

    word: str
    written: str
    doc: str
    example: str


CLAUSES: tuple[Clause, ...] = (
    Clause("where", "where condition", "Only the rows that meet the condition.", "count(where answered)"),
    Clause(
        "at", "at moment",
        "Which moment puts a row into a window and bucket.",
        "count(at resolved)",
    ),
    Clause(
        "over", "over 28d, over month to date",
        "The rows of so long a time before the cell ends, or of the period so far, instead of the cell's own. "
        "A time of whole days follows the wall clock; it lies between 1 minute and 3 years.",
        "sum(order.amount over month to date) / sum(order.amount over year to date)",
    ),
    Clause(
        "while", "while state",
        "The rows that are in a state at the instant when the cell ends (now, where that is still to come), "
        "whenever they began. They add up over dimensions, never over time. Fields of the calendar are those of the "
        "moment the state began.",
        "count(while open)",
    ),
    Clause(
        "across", "across dimension, dimension",
        "All members of these dimensions together, whichever of them the cell is of. A question's filter still "
        "narrows it.",
        "count() / count(across issue_type)",
    ),
    Clause(
        "credited", "credited to rule",
        "Whose a row is where several agents took part; it matters only where agents are asked about.",
        "count(where resolved) credited to resolver",
    ),
    Clause(
        "including", "including excluded",
        "Also the rows that are kept but not counted, and durations that came out negative.",
        "count(where exclusion = \"spam\") including excluded",
    ),
)  # fmt: skip
