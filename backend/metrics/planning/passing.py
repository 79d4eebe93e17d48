"""Whether a question would be answered otherwise a moment later, although nothing was written meanwhile."""

from __future__ import annotations

from datetime import datetime, timedelta

from backend.core.windows import Window
from backend.metrics.language.bound import FieldValue, Happened, Matured, Related
from backend.metrics.language.types import Origin
from backend.metrics.planning.parts import aggregates_of
from backend.metrics.planning.planner import Task
from backend.metrics.planning.reach import leaves_of, read_by

_PASSING = (Origin.CLOCK, Origin.SNAPSHOT)


def is_passing(task: Task, now: datetime) -> bool:
    """Whether anything in a question looks at an instant that has not come, or at the clock itself."""
    for window in task.windows:
        for formula in task.formulas_in(window):
            aggregates = list(aggregates_of(formula.expression))
            if any(one.basis.state is not None for one in aggregates) and not _is_over(window, now):
                return True
            for leaf in (leaf for row in read_by(aggregates, task.where) for leaf in leaves_of(row)):
                match leaf:
                    case FieldValue(field=field) | Happened(field=field) if field.origin in _PASSING:
                        return True
                    case Matured(span=span, since=since) | Related(within=span, since=since, ahead=True):
                        # rows wait from another moment than that of their day, which may come later
                        if since is not None and since.column != "started_at":
                            return True
                        if not _is_over(window, now - timedelta(milliseconds=span)):
                            return True
    return False


def _is_over(window: Window | None, now: datetime) -> bool:
    return window is not None and window.end <= now
