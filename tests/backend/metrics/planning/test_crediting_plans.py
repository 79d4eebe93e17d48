"""Which statements credited numbers become: their own only where agents are asked about."""

from __future__ import annotations

import pytest

from backend.metrics.catalogue import CATALOGUE
from backend.metrics.language.compiler import compile_formula
from backend.metrics.language.functions import FUNCTIONS
from backend.metrics.language.vocabulary import build_vocabulary
from backend.metrics.planning.overcounts import find_summed
from backend.metrics.planning.parts import SHARED_PARTS
from backend.metrics.planning.planner import ALL, Plan, Split, plan
from backend.metrics.preparation import Preparation
from backend.metrics.questions import Question, Restriction
from tests.backend.metrics.builders import asked

VOCABULARY = build_vocabulary()
AGENT, CHANNEL = VOCABULARY.fields["agent"], VOCABULARY.fields["channel"]
EVERYTHING = Restriction()


def planned(*questions: Question, restriction: Restriction = EVERYTHING) -> Plan:
    preparation = Preparation.of(CATALOGUE, (), "UTC", "USD", restriction)
    return plan(preparation.prepare(question).task for question in questions)


def credits(found: Plan) -> list[tuple[str | None, bool, int]]:
    """Of each statement the rule, whether a row is there for each agent, and how many splits it has."""
    return [(one.scan.basis.credit, one.scan.per_agent, len(one.splits)) for one in found.statements]


def test_where_no_agent_is_asked_about_rules_share_a_statement():
    found = planned(
        asked("count()", "count() credited to last", "count() credited to participants"),
        asked("sum(handle_time) credited to time_share", dimensions=("channel",)),
    )
    assert credits(found) == [(None, False, 2)]


def test_the_owner_written_is_the_owner_meant():
    one = planned(asked("avg(handle_time)", dimensions=("agent",)))
    assert planned(asked("avg(handle_time) credited to owner", dimensions=("agent",))) == one


def test_agents_and_their_total_are_two_readings():
    by_agent = asked("count() credited to participants", dimensions=("agent",))
    assert credits(planned(by_agent)) == [("participants", True, 1), (None, False, 1)]
    # beside an uncredited KPI the total costs nothing of its own
    assert len(planned(by_agent, asked("count()")).statements) == 2


def test_a_rule_with_one_agent_a_row_needs_no_reading_apart():
    found = planned(asked("count() credited to last", dimensions=("agent",), where='agent = "ann"'))
    assert credits(found) == [("last", False, 2)]
    found = planned(asked("count() credited to time_share", dimensions=("agent",), where='agent = "ann"'))
    assert credits(found) == [("time_share", True, 1), ("time_share", False, 1)]


def test_what_is_held_back_is_held_back_by_the_rule():
    for restriction in (Restriction(agent_id=7), Restriction(team_id=7)):
        found = planned(asked("count() credited to last"), restriction=restriction)
        assert credits(found) == [("last", False, 1)]


def test_a_condition_on_agents_is_met_before_rows_are_counted():
    [with_agent, without] = planned(
        asked('count(where agent in ("ann", "bob")) / count() credited to participants')
    ).statements
    assert (with_agent.scan.basis.credit, without.scan.basis.credit) == ("participants", None)
    assert (with_agent.scan.where is None, without.scan.where is None) == (False, True)


def test_what_may_be_taken_of_parts_of_rows_is_collected_so():
    for function in FUNCTIONS:
        if function.on_rows:
            continue
        taken = {"count": "", "count_distinct": "customer", "share": "answered"}.get(
            function.name, "handle_time"
        )
        text = f"{function.name.replace('NN', '90')}({taken}) credited to time_share"
        possible = compile_formula(text, VOCABULARY, {}).formula is not None
        assert possible == (function.bound in {*SHARED_PARTS, "min", "max"}), text


@pytest.mark.parametrize(
    ("formula", "summed"),
    [
        ("count()", "value"),
        ("2 * count() - sum(customer_messages) / 3", "value"),
        ("-count()", "value"),
        ("avg(handle_time)", "numerator"),
        ("(sum(handle_time) + sum(wait_time)) / avg(handle_time)", "numerator"),
        ("100 * count(where answered) / count()", "numerator"),
        ("count() + 1", None),
        ("count() * count()", None),
        ("median(handle_time)", None),
        ("avg(handle_time) / 1h", None),
        ("1 - share(answered)", None),
        ("count_distinct(customer)", None),
    ],
)
def test_what_adds_up_over_agents(formula: str, summed: str | None):
    def found(clause: str, split: Split) -> str | None:
        bound = compile_formula(f"{formula}{clause}", VOCABULARY, {}).formula
        assert bound is not None
        side = find_summed(bound.expression, split)
        return side and side.value

    assert found(" credited to participants", Split(None, (CHANNEL, AGENT))) == summed
    assert found(" credited to participants", Split(None, (CHANNEL,))) is None
    assert found(" credited to participants", ALL) is None
    assert found(" credited to last", Split(None, (AGENT,))) is None
    assert found("", Split(None, (AGENT,))) is None
