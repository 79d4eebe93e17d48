"""The functions of the language, as rows. Binder, sentences, planner and manual read this table; none adds
to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Takes(StrEnum):
    """What stands in a function's parentheses, before the clauses."""

    NOTHING = "nothing"
    CONDITION = "a condition"
    NUMBER = "a number"
    VALUES = "texts, numbers or dates"
    DURATION = "a duration"
    NUMBERS = "two numbers"
    MOMENTS = "two moments"
    RELATION = "a duration, a moment[, fields that are equal] [where a condition]"
    LINK = "a moment [where a condition]"
    SPAN = "the time between two moments"


class Gives(StrEnum):
    """What comes out."""

    COUNT = "a count"
    SHARE = "a share (0 to 1)"
    SAME = "the unit of what it takes"
    CONDITION = "a condition"
    DURATION = "a duration"
    NUMBER = "a number (-1 to 1)"


@dataclass(frozen=True, slots=True)
class Function:
    """One function.

    `name` is how it is written; in a percentile, NN stands for the number. `bound` is its name in a bound
    tree. `mergeable`: its parts add up over buckets and members; the others are always computed from raw
    rows. `on_rows`: it has a value per row and stands in conditions; the others are aggregates. `en` and
    `zh` are the words around what it takes ({x}), the percentile ({p}) and the rows ({fact}) in a sentence.
    """

    name: str
    bound: str
    takes: Takes
    gives: Gives
    mergeable: bool
    doc: str
    example: str
    en: str
    zh: str
    on_rows: bool = False

    @property
    def signature(self) -> str:
        """How it is called, what may be left out in brackets."""
        if self.on_rows:
            return f"{self.name}({self.takes})"
        clauses = (
            "[where a condition] [at a moment] [over a time] [while a state] [across dimensions] "
            "[including excluded]"
        )
        return f"{self.name}({'' if self.takes is Takes.NOTHING else f'{self.takes} '}{clauses})"


COUNT = Function(
    "count", "count", Takes.NOTHING, Gives.COUNT, True,
    "Number of rows: of interactions, or of the kind of row its condition speaks of.",
    "count(where answered)", "number of {fact}", "{fact}数量",
)  # fmt: skip
COUNT_DISTINCT = Function(
    "count_distinct", "count_distinct", Takes.VALUES, Gives.COUNT, False,
    "Number of different values, or of different combinations of several; rows without a value are not "
    "counted.",
    "count_distinct(customer)", "distinct count of {x}", "不同{x}的个数",
)  # fmt: skip
COUNT_REPEATED = Function(
    "count_repeated", "count_repeated", Takes.VALUES, Gives.COUNT, False,
    "Number of different values (or combinations) that more than one row has; rows without a value are not "
    "counted.",
    "count_repeated(customer where order.paid)", "number of {x} that occur more than once", "重复出现的{x}个数",
)  # fmt: skip
SUM = Function(
    "sum", "sum", Takes.NUMBER, Gives.SAME, True,
    "Total of the values present; no data when there is none. Beside other aggregates a sum over no rows "
    "is 0, a sum over rows that all lack the value is no data.",
    "sum(order.amount)", "total {x}", "{x}合计",
)  # fmt: skip
AVERAGE = Function(
    "avg", "avg", Takes.NUMBER, Gives.SAME, True,
    "Mean of the values present: total divided by their number, over all rows alike.",
    "avg(first_response_time)", "average {x}", "平均{x}",
)  # fmt: skip
MINIMUM = Function(
    "min", "min", Takes.NUMBER, Gives.SAME, True,
    "Smallest value present.",
    "min(wait_time)", "smallest {x}", "最小{x}",
)  # fmt: skip
MAXIMUM = Function(
    "max", "max", Takes.NUMBER, Gives.SAME, True,
    "Largest value present.",
    "max(wait_time)", "largest {x}", "最大{x}",
)  # fmt: skip
DEVIATION = Function(
    "stddev", "stddev", Takes.NUMBER, Gives.SAME, True,
    "Standard deviation of a sample (n - 1) over the values present; no data below two.",
    "stddev(handle_time)", "standard deviation of {x}", "{x}的标准差",
)  # fmt: skip
UNION_TIME = Function(
    "union_time", "union_time", Takes.MOMENTS, Gives.DURATION, False,
    "Time in which at least one of an agent's rows goes on, from the first moment to the second: what overlaps "
    "counts once. Each agent's time is added; rows without an agent, or without one of the moments, are left "
    "out.",
    "union_time(accepted, closed)", "time with at least one of an agent's {fact} going on ({x})",
    "客服至少有一个{fact}进行中的时长（{x}）",
)  # fmt: skip
AGREEMENT = Function(
    "agreement", "agreement", Takes.NUMBERS, Gives.NUMBER, True,
    "How far two scores of the same thing agree beyond chance: weighted kappa with quadratic weights. 1 is "
    "always, 0 is no more than chance; no data where neither ever varies.",
    "agreement(customer_messages, agent_messages)", "agreement of {x}", "{x}的一致性",
)  # fmt: skip
SHARE = Function(
    "share", "share", Takes.CONDITION, Gives.SHARE, True,
    "Rows for which the condition holds, divided by the rows for which it is known to hold or not. "
    "A row without the value that is asked about is in neither.",
    "share(first_response_time > 30s)", "share of {fact} where {x}", "{x}的{fact}占比",
)  # fmt: skip
MEDIAN = Function(
    "median", "percentile", Takes.NUMBER, Gives.SAME, True,
    "The middle value; the same as p50.",
    "median(resolution_time)", "median {x}", "{x}的中位数",
)  # fmt: skip
PERCENTILE = Function(
    "pNN", "percentile", Takes.NUMBER, Gives.SAME, True,
    "NN-th percentile by nearest rank from a logarithmic histogram: at most 1 % off, quick over any window. "
    "The number may have a fraction: p90, p99.9.",
    "p90(handle_time)", "{p} percentile of {x}", "{x}的第 {p} 百分位数",
)  # fmt: skip
EXACT_PERCENTILE = Function(
    "exact_pNN", "exact_percentile", Takes.NUMBER, Gives.SAME, False,
    "NN-th percentile from every value, interpolated between neighbours (as percentile_cont).",
    "exact_p95(handle_time)", "exact {p} percentile of {x}", "{x}的第 {p} 百分位数（精确）",
)  # fmt: skip
DISCRETE_PERCENTILE = Function(
    "disc_pNN", "disc_percentile", Takes.NUMBER, Gives.SAME, False,
    "The smallest value that NN % of the values do not exceed (as percentile_disc).",
    "disc_p50(handle_time)", "{p} percentile (a real value) of {x}", "{x}的第 {p} 百分位数（实际值）",
)  # fmt: skip
CONTACTED_AGAIN = Function(
    "contacted_again_within", "contacted_again_within", Takes.DURATION, Gives.CONDITION, True,
    "Whether the same customer started another interaction within that time after this one started; unknown "
    "when the customer or the start is missing.",
    "share(not contacted_again_within(7d))", "contacted again within {x}", "{x}内再次联系", on_rows=True,
)  # fmt: skip
FOLLOWED = Function(
    "followed_within", "followed_within", Takes.RELATION, Gives.CONDITION, True,
    "Whether another row of the same customer has that moment within that time after this row's anchor; "
    "unknown when the customer or the anchor is missing. Excluded rows are no others. Fields after the moment "
    "must be known and equal on both rows, and the condition speaks of the other row. Of two rows of one "
    "instant one follows the other; beside a row of another kind an equal instant follows.",
    "share(followed_within(4d, order.paid where order.amount >= 10))",
    "followed within {x} by one of the customer's {fact} ({moment})", "之后{x}内该客户有{fact}（{moment}）",
    on_rows=True,
)  # fmt: skip
PRECEDED = Function(
    "preceded_within", "preceded_within", Takes.RELATION, Gives.CONDITION, True,
    "The same, looking back: whether that moment lies within that time before this row's anchor.",
    "share(preceded_within(7d, started, issue_type))",
    "preceded within {x} by one of the customer's {fact} ({moment})", "之前{x}内该客户有{fact}（{moment}）",
    on_rows=True,
)  # fmt: skip
LINKED = Function(
    "has", "has", Takes.LINK, Gives.CONDITION, True,
    "Whether the interaction has a linked row (a survey response, event, QA review ...) with that moment, for "
    "which the condition holds. Excluded rows do not count.",
    "share(has(review.reviewed where review.score < 60))",
    "it has {fact} ({moment})", "有{fact}（{moment}）", on_rows=True,
)  # fmt: skip
MATURED = Function(
    "matured", "matured", Takes.DURATION, Gives.CONDITION, True,
    "Whether that much time has passed since the row's anchor, at the instant of the answer.",
    "share(not contacted_again_within(7d) where matured(7d))", "at least {x} old", "已满{x}", on_rows=True,
)  # fmt: skip
RELATIONS = frozenset({FOLLOWED.name, PRECEDED.name, LINKED.name})  # what they name lies on another row
BUSINESS = Function(
    "business", "business", Takes.SPAN, Gives.DURATION, True,
    "The part of that time in which the row's queue was open: by the working hours of its queue, else its team, "
    "else the tenant, at each instant by those in force then. Unknown without working hours.",
    "avg(business(first_response_time))", "{x} in business hours", "工作时间内的{x}", on_rows=True,
)  # fmt: skip
BUSINESS_LAST = Function(
    "business_last", "business_last", Takes.SPAN, Gives.DURATION, True,
    "As business, but all of it by the schedule in force at its end, whichever held before.",
    "share(business_last(resolution_time) <= 8h)", "{x} in the business hours that held at its end",
    "按结束时班表计工作时间内的{x}", on_rows=True,
)  # fmt: skip

FUNCTIONS: tuple[Function, ...] = (
    COUNT, COUNT_DISTINCT, COUNT_REPEATED, SUM, AVERAGE, MINIMUM, MAXIMUM, DEVIATION, SHARE, UNION_TIME, AGREEMENT,
    MEDIAN, PERCENTILE, EXACT_PERCENTILE, DISCRETE_PERCENTILE, CONTACTED_AGAIN,
    FOLLOWED, PRECEDED, LINKED, MATURED,
    BUSINESS, BUSINESS_LAST,
)  # fmt: skip

SYNONYMS = {  # what people type first -> what they mean here
    "average": "avg", "mean": "avg", "total": "sum", "distinct": "count_distinct",
    "countdistinct": "count_distinct",
    "count_unique": "count_distinct", "nunique": "count_distinct", "rate": "share", "ratio": "share",
    "kappa": "agreement", "percent": "share", "percentage": "share", "minimum": "min", "maximum": "max", "std": "stddev",
    "stdev": "stddev", "percentile": "p90", "quantile": "p90", "percentile_cont": "exact_p90",
    "percentile_disc": "disc_p90", "iff": "if", "iif": "if",
    "converted_within": "followed_within", "followed_by": "followed_within", "follows": "followed_within",
    "preceded_by": "preceded_within", "precedes": "preceded_within", "repeat": "preceded_within",
    "repeat_within": "preceded_within", "repeated": "count_repeated", "repurchase": "count_repeated",
    "exists": "has", "linked": "has", "mature": "matured", "older_than": "matured",
    "business_hours": "business", "working_hours": "business", "business_time": "business",
    "工作时间": "business", "平均": "avg", "求和": "sum", "计数": "count", "占比": "share", "中位数": "median",
}  # fmt: skip

_BY_NAME = {function.name: function for function in FUNCTIONS if "NN" not in function.name}
_PERCENTILES = {
    "": PERCENTILE,
    "exact_": EXACT_PERCENTILE,
    "disc_": DISCRETE_PERCENTILE,
}
_PERCENTILE_NAME = re.compile(r"(exact_|disc_|)p(\d{1,2}(?:\.\d{1,3})?)")


def find_function(name: str) -> tuple[Function, Decimal | None] | None:
    """The function written so, with its percentile between 0 and 1 where it has one; None when there is
    none.
    """
    if name == MEDIAN.name:
        return MEDIAN, Decimal("0.5")
    if function := _BY_NAME.get(name):
        return function, None
    written = _PERCENTILE_NAME.fullmatch(name)
    if written is None or not Decimal(written[2]):
        return None
    return _PERCENTILES[written[1]], Decimal(written[2]) / 100


def function_names() -> tuple[str, ...]:
    """Names for completion and for finding the nearest one; percentiles by their usual numbers."""
    usual = tuple(f"{prefix}p{number}" for prefix in _PERCENTILES for number in (50, 75, 90, 95, 99))
    return (*_BY_NAME, *usual)
