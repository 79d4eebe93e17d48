from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from statistics import mean
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from backend.demo.generator import LAYOUTS, chunks
from backend.demo.story import draw_story
from backend.demo.world import ALDER, LUMEN
from backend.ingestion.shapes import SHAPES, FieldType

UNTIL = date(2026, 3, 30)  # the day after Europe went to summer time
UNTIL_INSTANT = datetime(2026, 3, 30, tzinfo=ZoneInfo(LUMEN.zone))
COLUMNS = {layout.kind: layout.columns for layout in LAYOUTS}


def rows_of(world, *, seed=3, until=UNTIL, interactions=2_000):
    rows: dict[str, list[dict]] = {kind: [] for kind in COLUMNS}
    for chunk in chunks(draw_story(world, seed=seed, until=until, interactions=interactions)):
        for kind, records in chunk.records.items():
            rows[kind] += [dict(zip(COLUMNS[kind], record, strict=True)) for record in records]
    return rows


@pytest.fixture(scope="module")
def rows():
    return rows_of(LUMEN, interactions=8_000)


def test_the_same_seed_and_end_give_the_same_records():
    assert rows_of(LUMEN) == rows_of(LUMEN)


def test_another_seed_gives_other_records():
    assert rows_of(LUMEN)["interaction"] != rows_of(LUMEN, seed=4)["interaction"]


def test_as_many_interactions_as_asked_for_in_order_of_their_start(rows):
    starts = [row["started_at"] for row in rows["interaction"]]
    assert len(starts) == 8_000
    assert starts == sorted(starts)


def test_every_column_is_one_the_shape_has():
    for kind, columns in COLUMNS.items():
        known = {"line", "id", "source", "attributes"} | {field.column for field in SHAPES[kind].fields}
        assert set(columns) <= known, kind


def test_every_value_has_the_stored_form_of_its_type(rows):
    stored = {
        FieldType.MOMENT: datetime,
        FieldType.DURATION: int,
        FieldType.INTEGER: int,
        FieldType.BOOLEAN: bool,
        FieldType.SCORE: int,
        FieldType.MONEY: int,
        FieldType.TEXT: str,
        FieldType.REFERENCE: str,
        FieldType.CHOICE: str,
    }
    for kind, found in rows.items():
        assert found, kind
        for field in SHAPES[kind].fields:
            if field.type in stored and field.column in COLUMNS[kind]:
                values = [row[field.column] for row in found if row[field.column] is not None]
                assert all(type(value) is stored[field.type] for value in values), (kind, field.name)
                assert not field.required or len(values) == len(found), (kind, field.name)
                assert not field.choices or set(values) <= set(field.choices), (kind, field.name)


def test_external_ids_are_unique_and_lines_count_up(rows):
    for kind, found in rows.items():
        assert len({row["external_id"] for row in found}) == len(found), kind
    lines = sorted(row["line"] for found in rows.values() for row in found)
    assert lines == list(range(1, len(lines) + 1))


def test_moments_come_in_their_order_and_none_lies_after_the_end(rows):
    end = datetime(2026, 3, 30, tzinfo=ZoneInfo(LUMEN.zone))
    order = ("started_at", "queued_at", "accepted_at", "first_response_at", "resolved_at", "closed_at")
    for row in rows["interaction"]:
        moments = [row[name] for name in order if row[name] is not None]
        assert moments == sorted(moments), row["external_id"]
        assert all(moment < end for moment in moments)
    for kind, found in rows.items():
        for row in found:
            assert all(
                value < end
                for name, value in row.items()
                if name.endswith("_at")
                and name != "due_at"  # a promise may lie ahead
                and value is not None
                and kind != "agent_activity"
            )


def test_the_data_end_on_the_day_before_and_cover_six_months(rows):
    zone = ZoneInfo(LUMEN.zone)
    days = {row["started_at"].astimezone(zone).date() for row in rows["interaction"]}
    assert max(days) == UNTIL - timedelta(days=1)
    assert min(days) == UNTIL - timedelta(days=182)


def test_agents_answer_for_what_they_answered_only(rows):
    for row in rows["interaction"]:
        assert (row["agent"] is not None) == (row["accepted_at"] is not None) == row["answered"]
        assert not (row["answered"] and row["abandoned"])
        assert row["handle_time"] is None or row["answered"]


def test_surveys_belong_to_interactions_and_about_a_quarter_is_rated(rows):
    ids = {row["id"] for row in rows["interaction"]}
    csat = [row for row in rows["survey"] if row["kind"] == "csat"]
    rated = [row for row in csat if row["score"] is not None]
    assert all(row["interaction_id"] in ids for row in rows["survey"])
    assert 0.24 < len(rated) / len(rows["interaction"]) < 0.28
    assert len(csat) > len(rated) * 1.5
    assert {row["comment"] is None for row in csat if row["score"] is None} == {True}


def test_comments_are_in_the_language_of_the_contact(rows):
    language = {row["id"]: row["language"] for row in rows["interaction"]}
    comments = [(row["comment"], language[row["interaction_id"]]) for row in rows["survey"] if row["comment"]]
    assert {spoken for _, spoken in comments} == {"en", "zh"}
    for comment, spoken in comments:
        assert any("\u4e00" <= letter <= "\u9fff" for letter in comment) == (spoken == "zh"), comment


def test_weekdays_and_hours_have_a_rhythm(rows):
    zone = ZoneInfo(LUMEN.zone)
    starts = [row["started_at"].astimezone(zone) for row in rows["interaction"]]
    by_weekday = Counter(start.weekday() for start in starts)
    assert max(by_weekday, key=by_weekday.__getitem__) == 0
    assert by_weekday[6] < by_weekday[0] / 2
    calls = [
        row["started_at"].astimezone(zone).hour for row in rows["interaction"] if row["channel"] == "call"
    ]
    assert min(calls) >= 8
    assert max(calls) < 22


def test_issue_types_are_skewed(rows):
    counts = [count for _, count in Counter(row["issue_type"] for row in rows["interaction"]).most_common()]
    assert len(counts) == 12
    assert counts[0] > 6 * counts[-1]


def test_who_is_not_helped_comes_again(rows):
    by_id = {row["external_id"]: row for row in rows["interaction"]}
    again = [row for row in rows["interaction"] if row["problem_id"] != row["external_id"]]
    assert len(again) == round(8_000 * 0.13)
    for row in again:
        first = by_id[row["problem_id"]]
        assert (first["customer"], first["issue_type"]) == (row["customer"], row["issue_type"])
        assert first["started_at"] < row["started_at"]
        assert not first["resolved_on_first_contact"]
        assert not row["resolved_on_first_contact"]


def test_some_rows_are_kept_and_not_counted(rows):
    reasons = Counter(row["exclusion"] for row in rows["interaction"] if row["exclusion"])
    assert set(reasons) == {"spam", "test"}
    assert 0.002 < reasons.total() / 8_000 < 0.009


def test_what_was_said_fits_the_contact(rows):
    by_id = {row["id"]: row for row in rows["interaction"]}
    said: dict[Any, list[dict]] = defaultdict(list)
    for event in rows["event"]:
        said[event["interaction_id"]].append(event)
    kinds = Counter(event["kind"] for event in rows["event"])
    assert {"message", "assigned", "solved", "reopened", "transferred"} <= kinds.keys()
    talks = {key: events for key, events in said.items() if any(one["kind"] == "message" for one in events)}
    assert len(rows["interaction"]) / 90 < len(talks) < len(rows["interaction"]) / 35
    hands = 0
    for key, events in talks.items():
        contact = by_id[key]
        assert contact["channel"] in ("chat", "ticket", "email")
        assert all(event["happened_at"] >= contact["started_at"] for event in events)
        replies = [one for one in events if one["kind"] == "message" and one["actor"] == "agent"]
        if replies:
            assert min(one["happened_at"] for one in replies) == contact["first_response_at"]
        if contact["resolved_at"]:
            solves = [one["happened_at"] for one in events if one["kind"] == "solved"]
            assert not solves or max(solves) == contact["resolved_at"]
        hands += len({one["agent"] for one in events if one["agent"]}) > 1
    assert hands > 5


def test_chats_and_calls_have_a_sentiment_that_follows_the_rating(rows):
    judged = [row for row in rows["interaction"] if row["sentiment"] is not None]
    assert {row["channel"] for row in judged} == {"chat", "call"}
    assert all(-1000 <= row["sentiment"] <= 1000 for row in judged)
    assert all((row["sentiment"] is None) == (row["sentiment_model"] is None) for row in rows["interaction"])
    taken = [row for row in rows["interaction"] if row["channel"] in ("chat", "call") and row["answered"]]
    assert 0.93 < len(judged) / len(taken) < 0.99
    rating = {row["interaction_id"]: row["score"] for row in rows["survey"] if row["kind"] == "csat"}
    happy = [row["sentiment"] for row in judged if rating.get(row["id"]) == 5000]
    cross = [row["sentiment"] for row in judged if (rating.get(row["id"]) or 9000) <= 2000]
    assert mean(happy) > 400
    assert mean(cross) < -400


def test_some_customers_are_at_risk_and_some_leave(rows):
    flags = Counter(row["at_risk"] for row in rows["interaction"])
    assert 0.01 < flags[True] / (flags[True] + flags[False]) < 0.12
    assert all((row["at_risk"] is None) == (row["agent"] is None) for row in rows["interaction"])
    first: dict[str, datetime] = {}
    last: dict[str, datetime] = {}
    for row in rows["interaction"]:
        first.setdefault(row["customer"], row["started_at"])
        last[row["customer"]] = row["started_at"]
    lost = [row for row in rows["customer"] if row["lost_at"] is not None]
    assert 0.01 < len(lost) / len(rows["customer"]) < 0.1
    assert all(row["lost_at"] > last[row["external_id"]] and not row["at_risk"] for row in lost)
    assert all(row["joined_at"] <= first[row["external_id"]] for row in rows["customer"])
    new = [row for row in rows["customer"] if row["joined_at"] > UNTIL_INSTANT - timedelta(days=182)]
    assert 0.1 < len(new) / len(rows["customer"]) < 0.5


def test_most_low_scores_have_a_cause_and_are_called_back(rows):
    csat = [row for row in rows["survey"] if row["kind"] == "csat"]
    low = [row for row in csat if row["score"] is not None and row["score"] <= 2000]
    others = [row for row in rows["survey"] if row["kind"] == "nps" or (row["score"] or 9000) > 2000]
    assert 0.85 < mean(row["cause"] is not None for row in low) < 0.99
    assert 0.65 < mean(row["called_back_at"] is not None for row in low) < 0.9
    assert len({row["cause"] for row in low}) >= 5
    assert all(row["cause"] is None and row["called_back_at"] is None for row in others)
    assert all(row["called_back_at"] > row["responded_at"] for row in low if row["called_back_at"])
    said = [row["solved"] for row in csat if row["solved"] is not None]
    assert {True, False} == set(said)
    assert 0.6 < len(said) / sum(row["score"] is not None for row in csat) < 0.85


def test_a_day_of_an_agent_is_planned_worked_and_paid(rows):
    days: dict[tuple, Counter[str]] = defaultdict(Counter)
    zone = ZoneInfo(LUMEN.zone)
    for row in rows["agent_activity"]:
        day = days[row["agent"], row["started_at"].astimezone(zone).date()]
        day[row["state"]] += row["duration"]
        assert (row["cost"] is None) == (row["state"] == "scheduled")
        if row["cost"] is not None:
            assert 15_00 < row["cost"] / (row["duration"] / 3_600_000) < 35_00
    assert {state for day in days.values() for state in day} == {"scheduled", "busy", "available", "away"}
    hours = 3_600_000
    for day in days.values():
        worked = day["busy"] + day["available"] + day["away"]
        assert day["scheduled"] == 9 * hours
        assert worked == 0 or 8.8 * hours < worked <= 9 * hours
    busy, ready = (sum(day[state] for day in days.values()) for state in ("busy", "available"))
    assert 0.6 < busy / (busy + ready) < 0.76
    absent = sum(day["busy"] == 0 for day in days.values())
    assert 0 < absent / len(days) < 0.06


def test_tickets_are_promised_a_reply_and_a_solution(rows):
    tickets = {row["id"]: row for row in rows["interaction"] if row["channel"] == "ticket"}
    assert Counter(row["interaction_id"] for row in rows["sla"]) == dict.fromkeys(tickets, 2)
    for row in rows["sla"]:
        ticket = tickets[row["interaction_id"]]
        moment = "first_response_at" if row["metric"] == "first_response" else "resolved_at"
        assert (row["applied_at"], row["achieved_at"]) == (ticket["started_at"], ticket[moment])
        assert row["due_at"] - row["applied_at"] == timedelta(milliseconds=row["target"])
        assert row["policy"] == ("Gold" if ticket["segment"] == "vip" else "Standard")
    met = [row["achieved_at"] <= row["due_at"] for row in rows["sla"] if row["achieved_at"]]
    assert 0.6 < mean(met) < 0.97


def test_some_contacts_are_reviewed_by_two(rows):
    reviewers = defaultdict(list)
    for row in rows["qa_review"]:
        reviewers[row["interaction_id"]].append((row["reviewed_at"], row["reviewer"], row["score"]))
    twice = [sorted(found) for found in reviewers.values() if len(found) == 2]
    assert 0.1 < len(twice) / len(reviewers) < 0.3
    assert all(first[1] != second[1] for first, second in twice)
    assert 1000 < mean(abs(first[2] - second[2]) for first, second in twice) < 5000


def test_articles_are_read_with_and_without_a_contact(rows):
    linked = {row["interaction_id"] is not None for row in rows["article_view"]}
    assert linked == {True, False}


def test_daylight_saving_changes_no_duration():
    other = rows_of(ALDER, interactions=3_000)
    zone = ZoneInfo(ALDER.zone)
    changed = date(2026, 3, 29)
    calls = [row for row in other["interaction"] if row["channel"] in ("chat", "call") and row["closed_at"]]
    that_day = [row for row in calls if row["started_at"].astimezone(zone).date() == changed]
    assert that_day
    assert all(row["closed_at"] - row["started_at"] < timedelta(hours=3) for row in calls)
    assert all(row["started_at"].tzinfo is UTC for row in calls)


def test_the_two_companies_share_nothing():
    one, other = rows_of(LUMEN), rows_of(ALDER)
    for kind in COLUMNS:
        assert not {row["external_id"] for row in one[kind]} & {row["external_id"] for row in other[kind]}, (
            kind
        )
    assert not {row["name"] for row in one["agent"]} & {row["name"] for row in other["agent"]}


def test_sixty_thousand_are_made_within_seconds():
    began = perf_counter()
    count = sum(
        chunk.rows_read for chunk in chunks(draw_story(LUMEN, seed=1, until=UNTIL, interactions=60_000))
    )
    assert count > 100_000
    assert perf_counter() - began < 10  # 1.2 s on two quiet cores
