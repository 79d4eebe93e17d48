"""Questions that cannot mean anything: each is refused with a code, and with the place where there is one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from backend.core.errors import Invalid
from backend.core.windows import Comparison, Grain, Window
from backend.metrics.questions import Order
from tests.backend.metrics.builders import WEEK, World


async def refused(world: World, *formulas: str, **question: Any) -> Invalid:
    with pytest.raises(Invalid) as refusal:
        await world.ask(*formulas, **question)
    return refusal.value


async def test_a_mistake_in_a_formula_says_where(world: World):
    refusal = await refused(world, "count()", "avg(handle_tme)")
    assert refusal.code == "FORMULA_INVALID"
    [problem] = refusal.problems
    assert (problem.code, problem.path, problem.span) == ("FIELD_UNKNOWN", ("kpis", 1, "formula"), (4, 14))
    assert "handle_time" in f"{problem.message} {problem.hint}"


async def test_a_mistake_in_a_filter_says_where(world: World):
    refusal = await refused(world, "count()", where='chanel = "chat"')
    assert (refusal.code, refusal.problems[0].path, refusal.problems[0].span) == (
        "FILTER_INVALID",
        ("where",),
        (0, 6),
    )


async def test_an_unknown_kpi_names_the_nearest(world: World):
    refusal = await refused(world, "@abandonement_rate")
    assert refusal.code == "KPI_UNKNOWN"
    assert "abandonment_rate" in str(refusal.problems[0].hint)


@pytest.mark.parametrize(
    "name, hint",
    [
        ("agnet", "Did you mean “agent”?"),
        ("first_csat", "Did you mean “customer.first_csat”?"),
        ("survey.kinds", "Did you mean “survey.kind”?"),
        ("product_versions", "Did you mean “product_version”?"),
        ("customer.segmnt", "Did you mean “customer.segment” or “segment”?"),
        ("Issue_Type", "Did you mean “issue_type”?"),
        ("xyzzy", None),
    ],
)
async def test_an_unknown_dimension_names_the_nearest(world: World, name: str, hint: str | None):
    refusal = await refused(world, "count()", dimensions=(name,))
    assert (refusal.code, refusal.problems[0].hint) == ("DIMENSION_UNKNOWN", hint)


@pytest.mark.parametrize(
    "question, code",
    [
        ({"dimensions": ("agnet",)}, "DIMENSION_UNKNOWN"),
        ({"dimensions": ("handle_time",)}, "DIMENSION_NOT_GROUPABLE"),
        ({"dimensions": ("survey.kind",)}, "DIMENSION_NOT_REACHABLE"),
        ({"dimensions": ("agent", "agent")}, "DIMENSION_REPEATED"),
        ({"dimensions": ("agent", "team", "queue", "channel", "month")}, "TOO_MANY_DIMENSIONS"),
        ({"where": 'survey.kind = "csat"'}, "FILTER_NOT_REACHABLE"),
        ({"window": None, "grain": Grain.DAY}, "WINDOW_NEEDED"),
        ({"window": None, "comparison": Comparison.PREVIOUS_YEAR}, "WINDOW_NEEDED"),
        ({"order": Order("nothing")}, "ORDER_UNKNOWN"),
        ({"order": Order("bucket")}, "ORDER_UNKNOWN"),
        ({"limit": 0}, "LIMIT_OUT_OF_RANGE"),
        ({"limit": 10_001}, "LIMIT_OUT_OF_RANGE"),
        (
            {
                "window": Window(datetime(2020, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), "UTC"),
                "grain": Grain.HOUR,
            },
            "TOO_MANY_BUCKETS",
        ),
        (
            {"window": Window(datetime(1, 1, 2, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), "UTC")},
            "WINDOW_OUT_OF_RANGE",
        ),
        ({"window": Window(WEEK.start, WEEK.end, "Mars/Olympus")}, "ZONE_UNKNOWN"),
    ],
)
async def test_what_makes_no_sense_is_refused(world: World, question: dict[str, Any], code: str):
    assert (await refused(world, "count()", **question)).code == code


@pytest.mark.parametrize(
    "formula", ["count() over 28d", "sum(order.amount over year to date)", "1 - count(while open)"]
)
async def test_what_is_as_of_an_end_needs_a_window(world: World, formula: str):
    refusal = await refused(world, formula, window=None)
    assert refusal.code == "WINDOW_NEEDED"
    assert "window" in str(refusal)


async def test_kpis_have_names_of_their_own(world: World):
    assert (await refused(world)).code == "KPIS_OUT_OF_RANGE"
    assert (await refused(world, "@csat", "@csat")).code == "KPI_REPEATED"
