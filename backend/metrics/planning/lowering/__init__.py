"""Plan to SQL: the only place that spells the SQL of numbers. It decides nothing; the planner has chosen."""

from backend.metrics.planning.lowering.evidence import lower_listing, lower_tally
from backend.metrics.planning.lowering.explaining import Estimate, lower_explain, read_estimate
from backend.metrics.planning.lowering.rows import Setting
from backend.metrics.planning.lowering.statements import MOST_GROUPS, Lowered, lower, spell

__all__ = [
    "MOST_GROUPS",
    "Estimate",
    "Lowered",
    "Setting",
    "lower",
    "lower_explain",
    "lower_listing",
    "lower_tally",
    "read_estimate",
    "spell",
]
