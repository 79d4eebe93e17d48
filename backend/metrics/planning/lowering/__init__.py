"""Plan to SQL: the only place that spells the SQL of numbers. It decides nothing; the planner has chosen."""

from backend.metrics.planning.lowering.evidence import lower_listing, lower_tally
from backend.metrics.planning.lowering.rows import Setting
from backend.metrics.planning.lowering.statements import MOST_GROUPS, Lowered, lower, spell

__all__ = ["MOST_GROUPS", "Lowered", "Setting", "lower", "lower_listing", "lower_tally", "spell"]
