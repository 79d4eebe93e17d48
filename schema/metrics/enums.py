"""The closed sets of words around KPIs; their values are the backend's own."""

from __future__ import annotations

from enum import Enum

import strawberry


@strawberry.enum(description="The width of a bucket, by the wall clock of the tenant's zone.")
class Grain(Enum):
    HOUR = strawberry.enum_value(
        "hour", description="An hour; the one that daylight saving repeats comes twice."
    )
    DAY = strawberry.enum_value("day", description="From midnight to midnight.")
    WEEK = strawberry.enum_value("week", description="From Monday, as ISO 8601 counts weeks.")
    MONTH = strawberry.enum_value("month", description="A calendar month.")
    QUARTER = strawberry.enum_value(
        "quarter", description="Three calendar months from January, April, July, October."
    )
    YEAR = strawberry.enum_value("year", description="A calendar year.")


@strawberry.enum(description="What a window is compared with.")
class Comparison(Enum):
    PREVIOUS_PERIOD = strawberry.enum_value(
        "previous_period",
        description="The same length just before; whole days or months where the window is whole.",
    )
    PREVIOUS_YEAR = strawberry.enum_value("previous_year", description="The same dates a year earlier.")


@strawberry.enum(description="Which way rows are ordered.")
class Sorting(Enum):
    ASCENDING = strawberry.enum_value("ascending", description="Smallest first.")
    DESCENDING = strawberry.enum_value("descending", description="Largest first.")


@strawberry.enum(description="What the value of a cell is worth.")
class CellState(Enum):
    OK = strawberry.enum_value("ok", description="A value to rely on.")
    NO_DATA = strawberry.enum_value(
        "no_data", description="Nothing to compute from; the value is null, not 0."
    )
    PROVISIONAL = strawberry.enum_value(
        "provisional", description="It may still change when its time has passed."
    )
    BELOW_MINIMUM_SAMPLE = strawberry.enum_value(
        "below_minimum_sample", description="It rests on fewer rows than the KPI asks for."
    )
    ERROR = strawberry.enum_value("error", description="It could not be computed; the value is null.")


@strawberry.enum(description="What the numbers of a KPI count.")
class Unit(Enum):
    NONE = strawberry.enum_value("none", description="A plain number.")
    COUNT = strawberry.enum_value("count", description="A count of rows or things.")
    DURATION = strawberry.enum_value("duration", description="Seconds.")
    MONEY = strawberry.enum_value("money", description="Money, in major units of `currency`.")
    SCORE = strawberry.enum_value("score", description="A score on the scale of its survey.")
    RATIO = strawberry.enum_value("ratio", description="A fraction: 0.25 is shown as 25 %.")
    POINTS = strawberry.enum_value("points", description="Points, such as NPS from -100 to 100.")


@strawberry.enum(description="Which way of a KPI is better.")
class Direction(Enum):
    UP = strawberry.enum_value("up", description="More is better.")
    DOWN = strawberry.enum_value("down", description="Less is better.")
    BAND = strawberry.enum_value("band", description="Within its target band is better.")


@strawberry.enum(description="What a KPI is about.")
class Family(Enum):
    EFFICIENCY = strawberry.enum_value("efficiency", description="How fast, how much.")
    QUALITY = strawberry.enum_value(
        "quality", description="How well, in the customer's and the reviewer's eyes."
    )
    OUTCOME = strawberry.enum_value("outcome", description="What came of it.")


@strawberry.enum(
    description="How far an agent's question reaches. Other roles see everything and may leave it out."
)
class Reach(Enum):
    OWN = strawberry.enum_value(
        "own",
        description="The agent's own interactions; of a KPI with an attribution rule, those it credits to the "
        "agent: interactions the agent took part in, or owns where nobody is known to have taken part.",
    )
    TEAM = strawberry.enum_value(
        "team",
        description="The totals of the agent's team: no dimension, filter or formula by agent or customer.",
    )


@strawberry.enum(
    description="How a value stands to the one it is compared with. A move of at most 1 % of the earlier value is "
    "none, but of an earlier 0 any is."
)
class Verdict(Enum):
    IMPROVED = strawberry.enum_value("improved", description="Better, by the KPI's direction.")
    IMPROVED_AT_COST = strawberry.enum_value(
        "improved_at_cost", description="Better, while one of its guardrails got worse: no gain."
    )
    WORSE = strawberry.enum_value("worse", description="Worse, by the KPI's direction.")
    UNCHANGED = strawberry.enum_value("unchanged", description="Neither.")


@strawberry.enum(description="Of which side of a formula's last step rows are listed.")
class Side(Enum):
    NUMERATOR = strawberry.enum_value(
        "numerator",
        description="What a division divides; of a share, the rows for which its condition holds.",
    )
    DENOMINATOR = strawberry.enum_value(
        "denominator", description="What it divides by; without a division, all rows that are counted."
    )


@strawberry.enum(description="Why a row of a population is not counted. The first that holds is the one.")
class ExclusionKind(Enum):
    EXCLUDED = strawberry.enum_value(
        "excluded", description="It, or its interaction, carries an exclusion: spam, test ..."
    )
    CONDITION_NOT_MET = strawberry.enum_value(
        "condition_not_met", description="The aggregate's own condition does not hold, or is not known to."
    )
    NEGATIVE_DURATION = strawberry.enum_value(
        "negative_duration", description="The duration that is asked for came out negative."
    )
    VALUE_MISSING = strawberry.enum_value(
        "value_missing", description="It lacks the value that is asked for."
    )


@strawberry.enum(description="What a number was computed from.")
class ProofPath(Enum):
    RAW = strawberry.enum_value("raw", description="The rows themselves.")


@strawberry.enum(description="What a step of an explanation is answered from.")
class StepSource(Enum):
    CELLS = strawberry.enum_value("cells", description="Cells that are kept for each day; no row is read.")
    COLUMNS = strawberry.enum_value(
        "columns", description="Values of all rows that are kept for each day as columns; no row is read."
    )
    ROWS = strawberry.enum_value("rows", description="The rows themselves.")
    BOTH = strawberry.enum_value("both", description="More than one of these, each day from one of them.")


@strawberry.enum(description="Which survey a response answers.")
class SurveyKind(Enum):
    CSAT = strawberry.enum_value("csat", description="Satisfaction.")
    NPS = strawberry.enum_value("nps", description="Willingness to recommend, 0 to 10.")
    CES = strawberry.enum_value("ces", description="Effort it took.")


@strawberry.enum(description="What sort of thing rests on a KPI.")
class TouchedKind(Enum):
    KPI = strawberry.enum_value("kpi", description="A KPI that refers to it, itself or through others.")
    SCORECARD = strawberry.enum_value(
        "scorecard", description="A scorecard that weighs it; there is none yet."
    )
    BOARD = strawberry.enum_value("board", description="A board that shows it; there is none yet.")
