"""The public data sets through their mappings: counts and means as their reference figures have them."""

from __future__ import annotations

import json
from collections import Counter
from statistics import fmean

import pytest

from backend.ingestion.mapping import load
from tests.backend.ingestion.normalizing import normalize
from tests.backend.ingestion.shared import DATA, MAPPINGS, needs_data


def public(name: str):
    mapping = load((MAPPINGS / f"{name}.toml").read_text("utf-8"))
    found, rejections, total = normalize(mapping, next(DATA.glob(f"{name}.*")))
    assert not rejections
    assert total.bytes_read == next(DATA.glob(f"{name}.*")).stat().st_size
    return found


def expected(name: str):
    return json.loads((DATA / "expected" / f"{name}.json").read_text("utf-8"))["totals"]


def near(values, figure):
    assert len(values) == figure["n"]
    assert fmean(values) / 1_000 == pytest.approx(figure["mean"], rel=1e-5)


@needs_data
@pytest.mark.parametrize("name", ["pwc_call_center", "pwc_call_center_zero_filled"])
def test_the_calls_of_a_quarter(name):
    found, totals = public(name), expected("pwc_call_center")
    calls = found["interaction"]
    assert len(calls) == totals["calls"]["value"]
    assert sum(c["answered"] for c in calls) == totals["answered"]["value"]
    assert sum(c["abandoned"] for c in calls) == totals["abandoned"]["value"]
    assert sum(c["resolved"] for c in calls) == totals["resolved"]["value"]
    assert len({c["agent"] for c in calls}) == totals["agents"]["value"]
    near([c["wait_time"] for c in calls if c["wait_time"] is not None], totals["speed_of_answer_seconds"])
    near([c["talk_time"] for c in calls if c["talk_time"] is not None], totals["talk_seconds"])
    scores = Counter(str(s["score"] // 1_000) for s in found["survey"])
    assert scores == totals["rating_distribution"]["values"]
    first = min(c["started_at"] for c in calls).replace(tzinfo=None)
    assert str(first)[:16] == totals["first_call"]["value"][:16]


@needs_data
def test_the_calls_of_a_bank():
    calls, totals = public("anonymous_bank_feb1999")["interaction"], expected("anonymous_bank_feb1999")
    assert len(calls) == len({c["id"] for c in calls}) == totals["raw_rows"]["value"]
    assert sum(c["exclusion"] == "phantom" for c in calls) == totals["phantom"]["value"]
    kept = [c for c in calls if c["exclusion"] is None]
    answered = [c for c in kept if c["answered"]]
    assert len(answered) == totals["answered"]["value"]
    assert sum(c["abandoned"] for c in kept) == totals["abandoned"]["value"]
    assert sum(c["abandoned"] and c["wait_time"] > 0 for c in kept) == totals["abandoned_in_queue"]["value"]
    near([c["wait_time"] for c in answered], totals["wait_answered_seconds"])
    near([c["talk_time"] for c in kept if c["talk_time"] is not None], totals["service_seconds"])
    assert (
        sum(c["wait_time"] <= 20_000 for c in answered) == totals["service_level"]["values"]["20s"]["calls"]
    )
    assert len({c["agent"] for c in calls} - {None}) == totals["agents"]["value"]
    assert sum(c["agent"] is None for c in answered) == totals["answered_without_agent_name"]["value"]
    assert len({c["customer"] for c in kept} - {None}) == totals["identified_customers"]["value"]
    assert sum(json.loads(c["attributes"])["vru_time"] < 0 for c in calls) == 25
    assert all(
        -130 < (c["closed_at"] - c["started_at"]).total_seconds() < 6 * 3_600 for c in calls if c["closed_at"]
    )


@needs_data
def test_the_tickets_of_four_channels():
    found, totals = public("customer_support_tickets"), expected("customer_support_tickets")
    tickets = found["interaction"]
    assert len(tickets) == totals["tickets"]["value"]
    assert (
        Counter(json.loads(t["attributes"])["ticket_status"] for t in tickets) == totals["status"]["values"]
    )
    assert sum(t["first_response_at"] is not None for t in tickets) == totals["responded"]["value"]
    gaps = [
        (t["resolved_at"] - t["first_response_at"]).total_seconds() / 3_600
        for t in tickets
        if t["resolved_at"]
    ]
    assert len(gaps) == totals["response_to_resolution_hours"]["n"]
    assert sum(gaps) == pytest.approx(totals["response_to_resolution_hours"]["sum"], rel=1e-5)
    assert sum(gap < 0 for gap in gaps) == totals["response_to_resolution_negative"]["value"]
    assert len({t["customer"] for t in tickets}) == totals["customers_by_email"]["value"]
    assert (
        Counter(str(s["score"] // 1_000) for s in found["survey"]) == totals["rating_distribution"]["values"]
    )
