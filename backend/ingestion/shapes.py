"""The shape of every kind of record that can be brought in: its fields, their types, where they are stored.

One table for all who need it: the mapping checks targets against it, the normalizer converts by it, the
staging tables are made from it, `--guess` and the GraphQL batch input follow it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from backend.interactions.models import CHANNELS, COUNTS, DURATIONS, MOMENTS, OUTCOMES, SCORE_SCALE


class FieldType(StrEnum):
    """How a field's text is read, and its stored form."""

    TEXT = "text"  # str
    REFERENCE = "reference"  # str: external id of an agent, team, queue, customer, issue type or product
    INTERACTION = "interaction"  # str external id of an interaction of the same source -> its UUID
    MOMENT = "moment"  # aware datetime
    DURATION = "duration"  # int ms
    INTEGER = "integer"  # int
    BOOLEAN = "boolean"  # bool
    SCORE = "score"  # int thousandths
    MONEY = "money"  # int minor units of the row's currency
    CHOICE = "choice"  # str, one of `choices`


@dataclass(frozen=True, slots=True)
class ShapeField:
    """One field that a mapping may fill. `column` names the staging column; the fact's column is the same, or
    `<name>_id` for references. `bounds` are the least and the most that is taken, in stored units."""

    name: str
    type: FieldType
    column: str
    required: bool = False
    choices: tuple[str, ...] = ()
    doc: str = ""
    bounds: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of record. `moments` are the columns that follow one another in time."""

    kind: str
    table: str
    fields: tuple[ShapeField, ...]
    moments: tuple[str, ...]

    def field(self, name: str) -> ShapeField | None:
        """The field of that name, None when there is none."""
        return next((f for f in self.fields if f.name == name), None)


def _text(name: str, doc: str = "", *, required: bool = False) -> ShapeField:
    return ShapeField(name, FieldType.TEXT, name, required, doc=doc)


def _ref(name: str) -> tuple[ShapeField, ...]:
    return (
        ShapeField(name, FieldType.REFERENCE, name, doc=f"External id of the {name.replace('_', ' ')}."),
        ShapeField(f"{name}_name", FieldType.TEXT, f"{name}_name", doc="Its name, else the external id."),
    )


def _moment(name: str, column: str | None = None, *, required: bool = False) -> ShapeField:
    return ShapeField(name, FieldType.MOMENT, column or f"{name}_at", required)


def _boolean(name: str, doc: str = "") -> ShapeField:
    return ShapeField(name, FieldType.BOOLEAN, name, doc=doc)


_EXTERNAL_ID = _text("external_id", "The record's id at its source; unique there.", required=True)
_INTERACTION = ShapeField(
    "interaction",
    FieldType.INTERACTION,
    "interaction_id",
    doc="External id of the interaction it belongs to.",
)
_EXCLUSION = _text("exclusion", "Why the record is kept but not counted: deleted, spam, test ...")

INTERACTION = Shape(
    "interaction",
    "interaction",
    (
        _EXTERNAL_ID,
        ShapeField("channel", FieldType.CHOICE, "channel", required=True, choices=CHANNELS),
        *[_moment(name) for name in MOMENTS if name != "resolved"],
        _moment("resolved_at", "resolved_at"),
        *[ShapeField(name, FieldType.DURATION, name) for name in DURATIONS],
        *[ShapeField(name, FieldType.INTEGER, name) for name in COUNTS],
        *[_boolean(name) for name in OUTCOMES],
        ShapeField("amount", FieldType.MONEY, "amount"),
        _text("currency"),
        *_ref("agent"),
        *_ref("team"),
        *_ref("queue"),
        *_ref("customer"),
        *_ref("issue_type"),
        *_ref("product"),
        _text("product_version"),
        _text("priority"),
        _text("language"),
        _text("segment"),
        _text("problem_id", "Links the interactions of one customer problem."),
        ShapeField(
            "sentiment",
            FieldType.SCORE,
            "sentiment",
            doc="The customer's, from -1 (worst) to 1 (best).",
            bounds=(-SCORE_SCALE, SCORE_SCALE),
        ),
        _text("sentiment_model", "Which model or person judged the sentiment, with its version."),
        _boolean("at_risk", "The customer was flagged as likely to leave."),
        _EXCLUSION,
    ),
    tuple(f"{name}_at" for name in MOMENTS),
)

SURVEY = Shape(
    "survey",
    "survey_response",
    (
        _EXTERNAL_ID,
        _INTERACTION,
        ShapeField("kind", FieldType.CHOICE, "kind", required=True, choices=("csat", "nps", "ces")),
        ShapeField("score", FieldType.SCORE, "score"),
        ShapeField("scale_min", FieldType.SCORE, "scale_min", doc="If absent 1 for csat, ces; 0 nps."),
        ShapeField("scale_max", FieldType.SCORE, "scale_max", doc="If absent 5 for csat, 7 ces, 10 nps."),
        _text("comment"),
        _text("cause", "Why the score was low: product defect, attitude, process ..."),
        _boolean("solved", "Whether the customer says that it was solved."),
        _moment("invited"),
        _moment("responded"),
        _moment("called_back"),
        *_ref("agent"),
        *_ref("customer"),
        _EXCLUSION,
    ),
    ("invited_at", "responded_at", "called_back_at"),
)

EVENT = Shape(
    "event",
    "interaction_event",
    (
        _EXTERNAL_ID,
        ShapeField("interaction", FieldType.INTERACTION, "interaction_id", required=True),
        _moment("happened", required=True),
        _text("kind", "message, note, assigned, transferred, solved, reopened ...", required=True),
        ShapeField(
            "actor", FieldType.CHOICE, "actor", required=True, choices=("customer", "agent", "bot", "system")
        ),
        *_ref("agent"),
        _boolean("public"),
        _boolean("automatic"),
        _text("content"),
    ),
    ("happened_at",),
)

QA_REVIEW = Shape(
    "qa_review",
    "qa_review",
    (
        _EXTERNAL_ID,
        _INTERACTION,
        *_ref("agent"),
        _text("reviewer"),
        _text("form"),
        ShapeField("score", FieldType.SCORE, "score", doc="0 to 100 points."),
        _boolean("passed"),
        _boolean("critical_fail"),
        _moment("reviewed", required=True),
        _EXCLUSION,
    ),
    ("reviewed_at",),
)

AGENT_ACTIVITY = Shape(
    "agent_activity",
    "agent_activity",
    (
        _EXTERNAL_ID,
        ShapeField("agent", FieldType.REFERENCE, "agent", required=True),
        _text("agent_name"),
        _text("state", required=True),
        _moment("started", required=True),
        _moment("ended"),
        ShapeField("duration", FieldType.DURATION, "duration"),
        ShapeField("capacity", FieldType.INTEGER, "capacity"),
        ShapeField("cost", FieldType.MONEY, "cost", doc="What that time cost."),
        _text("currency"),
    ),
    ("started_at", "ended_at"),
)

ARTICLE_VIEW = Shape(
    "article_view",
    "article_view",
    (
        _EXTERNAL_ID,
        _text("article", required=True),
        *_ref("customer"),
        _INTERACTION,
        _boolean("helpful"),
        _moment("viewed", required=True),
    ),
    ("viewed_at",),
)

ORDER = Shape(
    "order",
    "order",
    (
        _EXTERNAL_ID,
        *_ref("customer"),
        *_ref("agent"),
        *_ref("product"),
        ShapeField("amount", FieldType.MONEY, "amount", required=True),
        ShapeField("refunded", FieldType.MONEY, "refunded"),
        ShapeField("margin", FieldType.MONEY, "margin"),
        _text("currency"),
        _moment("ordered", required=True),
        _moment("paid"),
        _EXCLUSION,
    ),
    ("ordered_at", "paid_at"),
)

SLA = Shape(
    "sla",
    "sla_instance",
    (
        _EXTERNAL_ID,
        _INTERACTION,
        _text("metric", "What was promised: first_response, next_response, resolution ...", required=True),
        _text("policy", "The policy that promised it."),
        ShapeField("target", FieldType.DURATION, "target", doc="As it was when it was applied."),
        _moment("applied", required=True),
        _moment("due"),
        _moment("achieved"),
        _EXCLUSION,
    ),
    ("applied_at", "achieved_at"),  # what is due may well come after what was achieved
)

AGENT = Shape(
    "agent",
    "agent",
    (_EXTERNAL_ID, _text("name"), *_ref("team"), _boolean("active")),
    (),
)

CUSTOMER = Shape(
    "customer",
    "customer",
    (
        _EXTERNAL_ID,
        _text("name"),
        _text("segment"),
        _moment("joined"),
        _moment("lost"),
        _boolean("at_risk", "Flagged as likely to leave."),
    ),
    ("joined_at", "lost_at"),
)

SHAPES: dict[str, Shape] = {
    shape.kind: shape
    for shape in (
        INTERACTION,
        SURVEY,
        EVENT,
        QA_REVIEW,
        AGENT_ACTIVITY,
        ARTICLE_VIEW,
        ORDER,
        SLA,
        AGENT,
        CUSTOMER,
    )
}
