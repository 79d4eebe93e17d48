"""Real files in, `scoredesk kpi` out: figures that others computed, by every split they gave."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import pytest

from backend.metrics.catalogue import seed_catalogue
from tests.golden.reference import DATA, MAPPINGS, Answer, Comparison, asks, distribution, expected

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"the reference data is not at {DATA}")

Ask = Callable[..., Awaitable[Answer]]
Bring = Callable[[str, str], Awaitable[None]]

CALLS = {
    "calls": "count()",
    "answered": "count(where answered)",
    "answered_rate": "share(answered)",
    "abandoned": "count(where abandoned)",
    "resolved": "count(where resolved)",
    "resolution_rate": "count(where resolved) / count()",
    "resolution_rate_of_answered": "count(where resolved) / count(where answered)",
    "asa_seconds": "avg(wait_time where answered)",
    "asa_p50": "exact_p50(wait_time where answered)",
    "asa_p90": "exact_p90(wait_time where answered)",
    "aht_seconds": "avg(talk_time where answered)",
    "rated": "count(where survey.score is not missing)",
    "csat_mean": "avg(survey.score)",
    "csat_share": "share(survey.score >= 4)",
}
BANK = {
    "calls": "count()",
    "answered": "count(where answered)",
    "answered_rate": "share(answered)",
    "abandoned": "count(where abandoned)",
    "abandon_rate": "share(abandoned)",
    "asa_seconds": "avg(wait_time where answered)",
    "wait_p50": "exact_p50(wait_time where answered)",
    "wait_p90": "exact_p90(wait_time where answered)",
    "aht_seconds": "avg(talk_time where answered)",
    "service_p50": "exact_p50(talk_time where answered)",
    "service_p90": "exact_p90(talk_time where answered)",
    "answered_within_20s_of_calls": "count(where answered and wait_time <= 20s) / count()",
    "talk_hours": "sum(talk_time where answered) / 3600",
}
CLOSED = 'ticket_status = "Closed"'
GAP = "resolved - first_response"
FORWARD = f"{CLOSED} and {GAP} >= 0s"
TICKETS = {
    "tickets": "count()",
    "closed": f"count(where {CLOSED})",
    "closed_rate": f"share({CLOSED})",
    "responded": "count(where first_response)",
    "responded_rate": "count(where first_response) / count()",
    "csat_responses": "count(where survey.score is not missing)",
    "csat_mean": "avg(survey.score)",
    "csat_share": "share(survey.score >= 4)",
    "response_to_resolution_hours_nonnegative_n": f"count(where {FORWARD})",
    "response_to_resolution_hours_nonnegative_mean": f"avg({GAP} where {FORWARD}) / 3600",
    "response_to_resolution_hours_nonnegative_p50": f"exact_p50({GAP} where {FORWARD}) / 3600",
    "response_to_resolution_hours_nonnegative_p90": f"exact_p90({GAP} where {FORWARD}) / 3600",
}
CHANNELS = {"chat": "Chat", "email": "Email", "call": "Phone", "social": "Social media"}


@pytest.fixture
async def command(place, admin, acme, tmp_path, monkeypatch) -> Callable[..., Awaitable[str]]:
    """Runs `scoredesk` in this process on a database of its own, in a thread with its own event loop."""
    from backend.cli import app

    monkeypatch.setenv("SCOREDESK_DATABASE_URL", place.app_url)
    monkeypatch.setenv("SCOREDESK_ADMIN_DATABASE_URL", place.admin_url)
    monkeypatch.setenv("SCOREDESK_HOME", str(tmp_path / "home"))
    async with acme.write() as session:
        await seed_catalogue(session)

    def call(arguments: list[str]) -> str:
        out, err = io.StringIO(), io.StringIO()
        failed: object = None
        with redirect_stdout(out), redirect_stderr(err):
            try:
                app(arguments)
            except SystemExit as end:
                failed = end.code
        assert not failed, err.getvalue()
        return out.getvalue()

    async def run(*arguments: str) -> str:
        return await asyncio.to_thread(call, list(arguments))

    return run


@pytest.fixture
def bring(command) -> Bring:
    """Imports a data set by the mapping of its name."""

    async def run(name: str, suffix: str) -> None:
        mapping = str(MAPPINGS / f"{name}.toml")
        await command("import", str(DATA / f"{name}.{suffix}"), "--tenant", "acme", "--mapping", mapping)

    return run


@pytest.fixture
def ask(command) -> Ask:
    """Asks for figures and reads the JSON."""

    async def run(asked: list[str], *options: str, by: tuple[str, ...] = ()) -> Answer:
        dimensions = [part for name in by for part in ("--by", name)]
        return json.loads(
            await command("kpi", *asked, "--tenant", "acme", "--format", "json", *options, *dimensions)
        )

    return run


async def test_calls_of_a_quarter(bring: Bring, ask: Ask):
    await bring("pwc_call_center", "csv")
    await check_calls(ask)


async def test_the_same_calls_with_zeros_for_what_is_missing(bring: Bring, ask: Ask):
    await bring("pwc_call_center_zero_filled", "csv")
    await check_calls(ask)
    wanted = expected("pwc_call_center")["zero_filled_variant"]["values"]
    comparison = Comparison()
    comparison.cells("variant", (await ask(asks(CALLS)))["totals"]["cells"], wanted)
    comparison.done()


async def check_calls(ask: Ask) -> None:
    wanted = expected("pwc_call_center")
    comparison = Comparison()
    await _check_calls_in_total(ask, comparison, wanted["totals"])
    quarter = ("--from", "2021-01-01", "--to", "2021-04-01")
    for place, by in {
        "by_agent": ("agent",),
        "by_topic": ("issue_type",),
        "by_month": ("month",),
        "by_iso_week": ("iso_week",),
        "by_day": ("date",),
        "by_weekday": ("weekday",),
        "by_hour": ("hour_of_day",),
        "by_agent_and_month": ("agent", "month"),
        "by_topic_and_agent_calls": ("issue_type", "agent"),
    }.items():
        comparison.groups(place, await ask(asks(CALLS), *quarter, by=by), wanted[place]["values"])
    by_grain = await ask(asks(CALLS), *quarter, "--grain", "day")
    days = {row["bucket"][:10]: row["cells"] for row in by_grain["rows"]}
    assert days.keys() == wanted["by_day"]["values"].keys()
    for day, cells in days.items():
        comparison.cells(f"grain day {day}", cells, wanted["by_day"]["values"][day])
    filtered = await ask(
        asks(CALLS),
        "--from",
        "2021-02-01",
        "--to",
        "2021-03-01",
        "--where",
        'issue_type = "Technical Support" and hour_of_day >= 10 and hour_of_day < 14',
    )
    comparison.cells("filter_example", filtered["totals"]["cells"], wanted["filter_example"]["values"])
    scores = await ask(
        [
            "score=40 * share(survey.score >= 4) + 30 * count(where resolved) / count() "
            "+ 20 * share(answered) + 10 * share(wait_time <= 60s where answered)",
            "csat_pct=100 * share(survey.score >= 4)",
        ],
        "--order-by",
        "score",
        by=("agent",),
    )
    comparison.groups("scorecard_example", scores, wanted["scorecard_example"]["values"])
    ranked = [
        wanted["scorecard_example"]["values"][row["dimensions"]["agent"]]["rank"] for row in scores["rows"]
    ]
    assert ranked == sorted(ranked)
    comparison.done()


async def _check_calls_in_total(ask: Ask, comparison: Comparison, wanted: dict[str, Any]) -> None:
    figures = CALLS | {"agents": "count_distinct(agent)", "abandon_rate": "share(abandoned)"}
    answer = await ask(asks(figures))
    values = {name: one["value"] for name, one in wanted.items() if "value" in one}
    comparison.cells("totals", answer["totals"]["cells"], values)
    for name, share in {
        "speed_of_answer_seconds": "wait_time where answered",
        "talk_seconds": "talk_time",
    }.items():
        cells = (await ask(asks(distribution("", share))))["totals"]["cells"]
        comparison.cells(name, cells, wanted[name])
    csat = await ask(
        [
            "responses=count(where survey.score is not missing)",
            "mean=avg(survey.score)",
            "satisfied=count(where survey.score >= 4)",
            "csat_share=share(survey.score >= 4)",
        ]
    )
    comparison.cells("csat", csat["totals"]["cells"], wanted["csat"])
    await _check_ratings(ask, comparison, wanted["rating_distribution"]["values"])
    for seconds, level in wanted["service_level"]["values"].items():
        within = f"answered and wait_time <= {seconds}"
        cells = await ask(
            [
                f"calls=count(where {within})",
                f"of_answered=share(wait_time <= {seconds} where answered)",
                f"of_offered=count(where {within}) / count()",
            ]
        )
        comparison.cells(f"service level {seconds}", cells["totals"]["cells"], level)
    # the built-in KPIs that mean the same
    built_in = {
        "contacts_offered": values["calls"],
        "contacts_handled": values["answered"],
        "average_speed_of_answer": wanted["speed_of_answer_seconds"]["mean"],
        "abandonment_rate": values["abandon_rate"],
        "resolution_rate": values["resolution_rate"],
        "aht": wanted["talk_seconds"]["mean"],
        "csat": wanted["csat"]["csat_share"],
        "csat_mean": wanted["csat"]["mean"],
    }
    comparison.cells("built in", (await ask(list(built_in)))["totals"]["cells"], built_in)


async def _check_ratings(ask: Ask, comparison: Comparison, wanted: dict[str, int]) -> None:
    ratings = await ask(["rated=count(where survey.score is not missing)"], by=("survey.score",))
    comparison.groups("ratings", ratings, {score: {"rated": count} for score, count in wanted.items()})


async def test_calls_of_a_bank(bring: Bring, ask: Ask):
    await bring("anonymous_bank_feb1999", "tsv.gz")
    wanted = expected("anonymous_bank_feb1999")
    comparison = Comparison()
    await _check_bank_in_total(ask, comparison, wanted["totals"])
    month = ("--from", "1999-02-01", "--to", "1999-03-01")
    for place, by in {
        "by_type": ("issue_type",),
        "by_priority": ("priority",),
        "by_date": ("date",),
        "by_weekday": ("weekday",),
        "by_hour": ("hour_of_day",),
    }.items():
        comparison.groups(place, await ask(asks(BANK), *month, by=by), wanted[place]["values"])
    served = ("--where", "answered and agent is not missing")
    by_agent = await ask(asks(BANK), *served, by=("agent",))
    comparison.groups("by_agent", by_agent, wanted["by_agent"]["values"])
    both = await ask(asks(BANK), *served, by=("agent", "issue_type"))
    comparison.groups("by_agent_and_type_answered", both, wanted["by_agent_and_type_answered"]["values"])
    miller = wanted["miller_variant"]["values"]
    answer = await ask(["calls=count(where vru_time >= 0)"], by=("weekday",))
    comparison.cells("miller_variant", answer["totals"]["cells"], miller)
    by_weekday = {day: {"calls": calls} for day, calls in miller["by_weekday"].items()}
    comparison.groups("miller_variant", answer, by_weekday)
    comparison.done()


async def _check_bank_in_total(ask: Ask, comparison: Comparison, wanted: dict[str, Any]) -> None:
    figures = {
        "raw_rows": "count() including excluded",
        "phantom": 'count(where exclusion = "phantom") including excluded',
        "calls": "count()",
        "answered": "count(where answered)",
        "answered_rate": "share(answered)",
        "abandoned": "count(where abandoned)",
        "abandon_rate": "share(abandoned)",
        "abandoned_in_queue": "count(where abandoned and wait_time > 0s)",
        "queued": "count(where wait_time > 0s)",
        "agents": "count_distinct(agent)",
        "answered_without_agent_name": "count(where answered and agent is missing)",
        "identified_customers": "count_distinct(customer)",
    }
    values = {name: one["value"] for name, one in wanted.items() if "value" in one}
    answer = await ask(asks(figures))
    assert values.keys() == figures.keys()
    comparison.cells("totals", answer["totals"]["cells"], values)
    for name, share in {
        "wait_answered_seconds": "wait_time where answered",
        "wait_answered_and_queued_seconds": "wait_time where answered and wait_time > 0s",
        "patience_seconds": "wait_time where abandoned and wait_time > 0s",
        "service_seconds": "talk_time where answered",
        "service_over_10s_seconds": "talk_time where answered and talk_time > 10s",
    }.items():
        cells = (await ask(asks(distribution("", share))))["totals"]["cells"]
        comparison.cells(name, cells, wanted[name])
    for seconds, level in wanted["service_level"]["values"].items():
        within = f"answered and wait_time <= {seconds}"
        answer = await ask(
            [
                f"calls=count(where {within})",
                f"of_answered=share(wait_time <= {seconds} where answered)",
                f"of_offered=count(where {within}) / count()",
            ]
        )
        comparison.cells(f"service level {seconds}", answer["totals"]["cells"], level)
    for name, within, before in (
        ("fcr_proxy_24h", "24h", "1999-02-28"),
        ("fcr_proxy_7d", "7d", "1999-02-22"),
    ):
        answer = await ask(
            [
                "eligible_calls=count(where answered and customer is not missing)",
                f"repeated=count(where answered and contacted_again_within({within}))",
                f"fcr_share=share(not contacted_again_within({within}) where answered)",
            ],
            "--where",
            f'date < "{before}"',
        )
        comparison.cells(name, answer["totals"]["cells"], wanted[name])


async def test_tickets_over_four_channels(bring: Bring, ask: Ask):
    await bring("customer_support_tickets", "csv.gz")
    wanted = expected("customer_support_tickets")
    comparison = Comparison()
    totals = wanted["totals"]
    figures = TICKETS | {
        "response_to_resolution_negative": f"count(where {CLOSED} and {GAP} < 0s)",
        "customers_by_email": "count_distinct(customer)",
    }
    values = {name: one["value"] for name, one in totals.items() if "value" in one}
    comparison.cells("totals", (await ask(asks(figures)))["totals"]["cells"], values)
    for name, where in {
        "response_to_resolution_hours": CLOSED,
        "response_to_resolution_hours_nonnegative": FORWARD,
    }.items():
        hours = {
            figure: formula if figure == "n" else f"{formula} / 3600"
            for figure, formula in distribution("", f"{GAP} where {where}").items()
        }
        comparison.cells(name, (await ask(asks(hours)))["totals"]["cells"], totals[name])
    csat = await ask(
        [
            "responses=count(where survey.score is not missing)",
            "mean=avg(survey.score)",
            "satisfied=count(where survey.score >= 4)",
            "csat_share=share(survey.score >= 4)",
        ]
    )
    comparison.cells("csat", csat["totals"]["cells"], totals["csat"])
    await _check_ratings(ask, comparison, totals["rating_distribution"]["values"])
    by_status = await ask(["tickets=count()"], by=("ticket_status",))
    comparison.groups(
        "status",
        by_status,
        {status: {"tickets": count} for status, count in totals["status"]["values"].items()},
    )
    for place, by in {
        "by_type": ("issue_type",),
        "by_priority": ("priority",),
        "by_subject": ("subject",),
        "by_product": ("product",),
    }.items():
        comparison.groups(place, await ask(asks(TICKETS), by=by), wanted[place]["values"])
    comparison.groups(
        "by_channel",
        await ask(asks(TICKETS), by=("channel",)),
        wanted["by_channel"]["values"],
        lambda keys: CHANNELS[keys[0]],
    )
    comparison.groups(
        "by_channel_and_priority",
        await ask(asks(TICKETS), by=("channel", "priority")),
        wanted["by_channel_and_priority"]["values"],
        lambda keys: f"{CHANNELS[keys[0]]} | {keys[1]}",
    )
    answer = await ask(
        ["responded=count(where first_response) at first_response"], by=("date", "hour_of_day")
    )
    comparison.groups("by_first_response_hour", answer, wanted["by_first_response_hour"]["values"], " ".join)
    for word, figure in wanted["description_keywords"]["values"].items():
        answer = await ask(
            [
                f'rows=count(where description contains "{word}")',
                f'csat_mean=avg(survey.score where description contains "{word}")',
            ]
        )
        comparison.cells(word, answer["totals"]["cells"], figure)
    comparison.done()
