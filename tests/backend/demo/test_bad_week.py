"""The bad week must be there for a diagnosis to find, in the places it should be and nowhere else."""

from datetime import date
from statistics import mean
from zoneinfo import ZoneInfo

import pytest

from backend.demo.generator import LAYOUTS, chunks
from backend.demo.rhythm import bad_week
from backend.demo.story import draw_story
from backend.demo.world import LUMEN

UNTIL = date(2026, 3, 30)
COLUMNS = {layout.kind: layout.columns for layout in LAYOUTS}


@pytest.fixture(scope="module")
def contacts():
    """Interactions with their rating (1 to 5 or None) and whether they lie in the bad week."""
    rows, ratings = [], {}
    for chunk in chunks(draw_story(LUMEN, seed=7, until=UNTIL, interactions=30_000)):
        for record in chunk.records.get("interaction", ()):
            rows.append(dict(zip(COLUMNS["interaction"], record, strict=True)))
        for record in chunk.records.get("survey", ()):
            survey = dict(zip(COLUMNS["survey"], record, strict=True))
            if survey["kind"] == "csat" and survey["score"] is not None:
                ratings[survey["interaction_id"]] = survey["score"] / 1000
    start, end = bad_week(UNTIL)
    zone = ZoneInfo(LUMEN.zone)
    for row in rows:
        row["rating"] = ratings.get(row["id"])
        row["bad"] = start <= row["started_at"].astimezone(zone).date() < end
    return rows


def satisfied(rows):
    ratings = [row["rating"] for row in rows if row["rating"] is not None]
    return mean(rating >= 4 for rating in ratings)


def speed_of_answer(rows):
    return mean(
        (row["accepted_at"] - row["queued_at"]).total_seconds()
        for row in rows
        if row["channel"] in ("chat", "call") and row["accepted_at"]
    )


def abandoned(rows):
    return mean(row["abandoned"] for row in rows if row["channel"] in ("chat", "call"))


def split(rows, **wanted):
    chosen = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    return [row for row in chosen if row["bad"]], [row for row in chosen if not row["bad"]]


def test_it_is_a_whole_week_about_two_months_before_the_end():
    start, end = bad_week(UNTIL)
    assert start.weekday() == 0
    assert (end - start).days == 7
    assert 56 <= (UNTIL - start).days <= 70


def test_the_short_staffed_team_gets_worse(contacts):
    bad, usual = split(contacts, team="technical")
    assert satisfied(bad) < satisfied(usual) - 0.2
    assert speed_of_answer(bad) > 1.7 * speed_of_answer(usual)
    assert abandoned(bad) > 3 * abandoned(usual)


@pytest.mark.parametrize("team", ["orders", "billing", "care"])
def test_the_other_teams_do_not(contacts, team):
    bad, usual = split(contacts, team=team)
    assert satisfied(bad) > satisfied(usual) - 0.12
    assert speed_of_answer(bad) < 1.4 * speed_of_answer(usual)
    assert abandoned(bad) < abandoned(usual) + 0.05


def test_the_broken_version_is_named_and_its_issue_is_asked_about_more(contacts):
    bad, usual = split(contacts, issue_type="connection")
    broken = [row for row in bad if row["product_version"] == "4.2" and row["product"] == "hub"]
    assert len(broken) > 0.7 * len(bad)
    assert len(bad) > 1.7 * len(usual) / 25
    assert satisfied(broken) < 0.4


def test_the_agents_who_are_away_answer_nothing(contacts):
    answering = {row["agent"] for row in contacts if row["bad"] and row["channel"] in ("chat", "call")}
    assert len(answering) > 10
    assert LUMEN.incident is not None
    assert not answering & set(LUMEN.incident.away)


def test_a_release_raises_the_questions_about_setting_up(contacts):
    zone = ZoneInfo(LUMEN.zone)
    surge = LUMEN.surges[0]
    ages = [
        (UNTIL - row["started_at"].astimezone(zone).date()).days
        for row in contacts
        if row["issue_type"] == surge.issue
    ]
    week_after = sum(surge.released - 7 < age <= surge.released for age in ages)
    week_before = sum(surge.released < age <= surge.released + 7 for age in ages)
    assert week_after > 1.4 * week_before
