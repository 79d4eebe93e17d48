"""What a question may be, whatever it is about: how much of it, over which window, in which order."""

from __future__ import annotations

from collections.abc import Sequence

from backend.core.errors import Invalid
from backend.core.windows import Grain, Window, check_zone
from backend.metrics.language.bound import BoundFormula
from backend.metrics.language.types import Field
from backend.metrics.planning.editions import Ends
from backend.metrics.planning.parts import aggregates_of
from backend.metrics.planning.shaping import BUCKET
from backend.metrics.questions import Order, Question

MOST_KPIS = 50
MOST_DIMENSIONS = 4
MOST_BUCKETS = 10_000  # a year of hours is 8,784
MOST_ROWS = 10_000  # as a limit; without one, the cells are counted
LONGEST_KEY = 100
EARLIEST, LATEST = 1900, 2200  # years: beyond them calendars overflow, and no contact was there

_SHORTEST_BUCKET = {  # in seconds, so that the count is never under
    Grain.HOUR: 3600,
    Grain.DAY: 23 * 3600,
    Grain.WEEK: 7 * 23 * 3600,
    Grain.MONTH: 28 * 23 * 3600,
    Grain.QUARTER: 90 * 23 * 3600,
    Grain.YEAR: 365 * 23 * 3600,
}


def check_moment(formula: BoundFormula, key: str, window: Window | None) -> None:
    """Raises Invalid (WINDOW_NEEDED) where a formula looks at the end of a window that is not there."""
    for one in aggregates_of(formula.expression):
        if window is None and (one.basis.moving is not None or one.basis.state is not None):
            does = "counts what there is at" if one.basis.state else "looks back from"
            raise Invalid(f"“{key}” {does} the end of a window, so it needs one.", code="WINDOW_NEEDED")


def ends_of(question: Question) -> Ends:
    """When the cells of a question end, those of the compared window among them."""
    window = question.window
    windows = [] if window is None else [window]
    if window is not None and question.comparison is not None:
        windows.append(window.compared(question.comparison))
    return Ends(question.grain, *windows)


def check_size(question: Question) -> None:
    """Raises Invalid where more is asked for than one question may."""
    keys = [ask.key for ask in question.kpis]
    if not 1 <= len(keys) <= MOST_KPIS:
        raise Invalid(f"Ask for 1 to {MOST_KPIS} KPIs at once, not {len(keys)}.", code="KPIS_OUT_OF_RANGE")
    repeated = next((key for at, key in enumerate(keys) if key in keys[:at]), None)
    if repeated is not None:
        raise Invalid(f"“{repeated}” is asked for twice.", code="KPI_REPEATED")
    if any(not 1 <= len(key) <= LONGEST_KEY for key in keys):
        raise Invalid(f"A KPI's name has 1 to {LONGEST_KEY} characters.", code="KPI_NAME_LENGTH")
    if len(question.dimensions) > MOST_DIMENSIONS:
        raise Invalid(f"At most {MOST_DIMENSIONS} dimensions at once.", code="TOO_MANY_DIMENSIONS")
    if len(set(question.dimensions)) < len(question.dimensions):
        raise Invalid("A dimension is given twice.", code="DIMENSION_REPEATED")
    if question.limit is not None and not 1 <= question.limit <= MOST_ROWS:
        raise Invalid(f"A limit lies between 1 and {MOST_ROWS:,}.", code="LIMIT_OUT_OF_RANGE")


def check_window(question: Question) -> None:
    """Raises Invalid where the window cannot be counted in, or is missing where it is needed."""
    window = question.window
    if window is None:
        if question.grain is not None or question.comparison is not None:
            raise Invalid("A grain or a comparison needs a window.", code="WINDOW_NEEDED")
        return
    check_zone(window.zone)
    if window.start.year < EARLIEST or window.end.year > LATEST:
        raise Invalid(f"A window lies between the years {EARLIEST} and {LATEST}.", code="WINDOW_OUT_OF_RANGE")
    if question.grain is not None and _most_buckets(window, question.grain) > MOST_BUCKETS:
        raise Invalid(
            f"The window has more than {MOST_BUCKETS:,} buckets; take a coarser grain.",
            code="TOO_MANY_BUCKETS",
        )


def _most_buckets(window: Window, grain: Grain) -> int:
    return int((window.end - window.start).total_seconds() // _SHORTEST_BUCKET[grain]) + 2


def check_order(question: Question, dimensions: Sequence[Field]) -> None:
    """Raises Invalid (ORDER_UNKNOWN) where rows are ordered by something that is not there."""
    order: Order | None = question.order
    if order is None:
        return
    known = [*(ask.key for ask in question.kpis), *(one.name for one in dimensions)]
    if question.grain is not None:
        known.append(BUCKET)
    if order.by not in known:
        raise Invalid(
            f"The rows cannot be ordered by “{order.by}”; choose from {', '.join(known)}.",
            code="ORDER_UNKNOWN",
        )
