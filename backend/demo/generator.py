"""A story as records for the ordinary ingestion: the same chunks a file would give. Touches no database."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from backend.demo import aftermath_rows, contact_rows
from backend.demo.aftermath_rows import Placed
from backend.demo.labels import SOURCE, Labels, Row
from backend.demo.story import Story
from backend.ingestion.records import Chunk, Layout, Records
from backend.interactions.attributes import Attribute
from backend.interactions.identity import fact_id

_CHUNK = 5_000  # interactions; what belongs to them comes along
_HEAD = ("line", "id", "source", "external_id")

_COLUMNS: dict[str, tuple[str, ...]] = {
    "agent": ("name", "team", "team_name", "active"),
    "customer": ("name", "segment", "joined_at", "lost_at", "at_risk"),
    "interaction": (
        "channel",
        "started_at",
        "queued_at",
        "accepted_at",
        "first_response_at",
        "resolved_at",
        "closed_at",
        "handle_time",
        "talk_time",
        "hold_time",
        "wrap_up_time",
        "silence_time",
        "customer_messages",
        "agent_messages",
        "bot_messages",
        "reopens",
        "transfers",
        "answered",
        "abandoned",
        "resolved",
        "resolved_on_first_contact",
        "escalated",
        "converted",
        "agent",
        "team",
        "team_name",
        "queue",
        "queue_name",
        "customer",
        "issue_type",
        "issue_type_name",
        "product",
        "product_name",
        "product_version",
        "priority",
        "language",
        "segment",
        "problem_id",
        "sentiment",
        "sentiment_model",
        "at_risk",
        "exclusion",
        "attributes",
    ),
    "survey": (
        "interaction_id",
        "kind",
        "score",
        "scale_min",
        "scale_max",
        "comment",
        "invited_at",
        "responded_at",
        "agent",
        "customer",
        "cause",
        "solved",
        "called_back_at",
    ),
    "event": ("interaction_id", "happened_at", "kind", "actor", "agent"),
    "qa_review": (
        "interaction_id",
        "agent",
        "reviewer",
        "form",
        "score",
        "passed",
        "critical_fail",
        "reviewed_at",
    ),
    "agent_activity": (
        "agent",
        "state",
        "started_at",
        "ended_at",
        "duration",
        "capacity",
        "cost",
        "currency",
    ),
    "sla": ("interaction_id", "metric", "policy", "target", "applied_at", "due_at", "achieved_at"),
    "article_view": ("article", "customer", "interaction_id", "helpful", "viewed_at"),
    "order": (
        "customer",
        "agent",
        "product",
        "product_name",
        "amount",
        "refunded",
        "currency",
        "ordered_at",
        "paid_at",
    ),
}
_ATTRIBUTES = {"interaction": (Attribute("region", "text", "Region", "地区"),)}
LAYOUTS = tuple(
    Layout(kind, (*_HEAD, *columns), _ATTRIBUTES.get(kind, ())) for kind, columns in _COLUMNS.items()
)


def chunks(story: Story) -> Iterator[Chunk]:
    """The story as records: people first, then interactions by their start, each with what followed it."""
    labels = Labels(story)
    line = 1
    for rows in _blocks(labels):
        chunk = _chunk(rows, line)
        line += chunk.rows_read
        yield chunk


def _blocks(labels: Labels) -> Iterator[dict[str, list[Row]]]:
    yield {"agent": contact_rows.agent_rows(labels), "customer": contact_rows.customer_rows(labels)}
    interactions = contact_rows.interaction_rows(labels)
    followers = {
        "survey": _by_block(aftermath_rows.survey_rows(labels)),
        "event": _by_block(aftermath_rows.event_rows(labels)),
        "qa_review": _by_block(aftermath_rows.review_rows(labels)),
        "order": _by_block(aftermath_rows.order_rows(labels)),
        "article_view": _by_block(aftermath_rows.view_rows(labels)),
        "sla": _by_block(aftermath_rows.sla_rows(labels)),
    }
    for block in range((len(interactions) - 1) // _CHUNK + 1):
        rows = {"interaction": interactions[block * _CHUNK : (block + 1) * _CHUNK]}
        yield rows | {kind: blocks.get(block, []) for kind, blocks in followers.items()}
    activity = aftermath_rows.activity_rows(labels)
    for start in range(0, len(activity), _CHUNK):
        yield {"agent_activity": activity[start : start + _CHUNK]}


def _chunk(rows: dict[str, list[Row]], line: int) -> Chunk:
    """Rows with their line, id and source put before them."""
    records = {}
    for kind, bodies in rows.items():
        if bodies:
            records[kind] = Records.of_rows(
                [
                    (number, fact_id(SOURCE, body[0]), SOURCE, *body)
                    for number, body in enumerate(bodies, line)
                ]
            )
        line += len(bodies)
    return Chunk(records=records, rows_read=sum(map(len, records.values())))


def _by_block(placed: list[Placed]) -> dict[int, list[Row]]:
    """Rows by the chunk their contact is in."""
    ordered = sorted(placed, key=lambda row: row[0])
    return {
        block: [row for _, row in group] for block, group in groupby(ordered, lambda row: row[0] // _CHUNK)
    }
