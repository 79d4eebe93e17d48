"""Fields that are found in other rows: a sub-select for each row, which an index answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import func

from backend.interactions import models

CSAT = "csat"
TENTHS = 10
UPPER, LOWER = 6, 4  # tenths of the way up its scale from which on, and up to which, an answer is good or bad


def first_csat(customer_id: sa.ColumnElement[Any], around: Sequence[sa.FromClause]) -> sa.ColumnElement[Any]:
    """The band of a customer's first CSAT answer that counts; NULL without one.

    An answer is the survey's own customer's, else that of its interaction. The two are looked up apart, so
    that each has its index. `around` are the tables of the statement that `customer_id` is read from.
    """
    survey, contact = models.survey_response.alias("answer"), models.interaction.alias("answered_contact")
    together = survey.outerjoin(contact, contact.c.id == survey.c.interaction_id)
    counts = (
        survey.c.kind == CSAT,
        survey.c.score.is_not(None),
        survey.c.exclusion.is_(None),
        contact.c.exclusion.is_(None),
    )
    answer = sa.select(
        _band(survey).label("band"),
        func.coalesce(survey.c.responded_at, contact.c.started_at).label("moment"),
        survey.c.id,
    )
    answers = sa.union_all(
        answer.select_from(together).where(survey.c.customer_id == customer_id, *counts).correlate(*around),
        answer.select_from(together)
        .where(contact.c.customer_id == customer_id, survey.c.customer_id.is_(None), *counts)
        .correlate(*around),
    ).subquery("answers")
    first = sa.select(answers.c.band).order_by(answers.c.moment.asc().nulls_last(), answers.c.id)
    return first.limit(sa.literal_column("1")).scalar_subquery()


def second_score(review: sa.FromClause) -> sa.ColumnElement[Any]:
    """The score of the earliest later review of the same interaction by another reviewer; NULL without one.

    Of two reviews only the earlier has one, so each pair is met once; of two at one instant the smaller id is earlier.
    """
    second = models.qa_review.alias("second_review")
    later = sa.tuple_(second.c.reviewed_at, second.c.id) > sa.tuple_(review.c.reviewed_at, review.c.id)
    found = sa.select(second.c.score).where(
        second.c.interaction_id == review.c.interaction_id,
        second.c.reviewer != review.c.reviewer,
        later,
        second.c.score.is_not(None),
        second.c.exclusion.is_(None),
    )
    found = found.order_by(second.c.reviewed_at, second.c.id).limit(sa.literal_column("1"))
    return found.correlate(review).scalar_subquery()


def _band(survey: sa.FromClause) -> sa.ColumnElement[Any]:
    c = survey.c
    least = sa.cast(c.scale_min, sa.BigInteger)
    above, scale = (c.score - least) * TENTHS, c.scale_max - least
    good, bad = above >= UPPER * scale, above <= LOWER * scale
    return sa.case((good, "satisfied"), (bad, "dissatisfied"), else_="neutral")
