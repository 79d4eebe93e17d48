"""The vocabulary against the tables it speaks of, and who reaches what."""

from __future__ import annotations

import pytest

from backend.ingestion.shapes import SHAPES
from backend.interactions import models
from backend.interactions.derived import models as derived
from backend.metrics.language.fields import ACTORS, CHANNELS
from backend.metrics.language.types import DECIMAL, MOMENT, TEXT, Kind, Origin, Unit, money
from backend.metrics.language.vocabulary import FACTS, build_vocabulary, find_fact, find_stateful, reachable
from tests.backend.metrics.language.corpus import VOCABULARY

TABLES = {
    "interaction": models.interaction,
    "survey": models.survey_response,
    "order": models.order,
    "event": models.interaction_event,
    "review": models.qa_review,
    "activity": models.agent_activity,
    "article": models.article_view,
    "sla": models.sla_instance,
    "base": models.customer,
    "customer": models.customer,
    "turn": derived.interaction_turn,
    "cycle": derived.interaction_cycle,
}


def test_every_field_has_its_column_and_both_labels() -> None:
    for field in VOCABULARY.fields.values():
        if field.origin in (Origin.COLUMN, Origin.NAMED, Origin.LINKING):
            assert field.column in TABLES[field.fact].c, field.name
        if field.truth:
            assert field.truth in TABLES[field.fact].c
        assert field.label_en
        assert field.label_zh
        assert field.doc.endswith((".", "...")), field.name


def test_the_interaction_speaks_of_all_its_measures() -> None:
    named = set(VOCABULARY.fields)
    for group in (models.MOMENTS, models.DURATIONS, models.COUNTS, models.OUTCOMES):
        assert set(group) <= named
    assert {VOCABULARY.fields[name].type.unit for name in models.DURATIONS} == {Unit.DURATION}
    assert CHANNELS == models.CHANNELS


def test_closed_values_are_those_that_can_be_brought_in() -> None:
    shapes = {shape.table: shape for shape in SHAPES.values()}
    for name, choices in {"survey_response": "kind", "interaction_event": "actor"}.items():
        field = shapes[name].field(choices)
        assert field is not None
        known = VOCABULARY.fields[f"{'survey' if choices == 'kind' else 'event'}.{choices}"].choices
        assert set(field.choices) == set(known)
    assert set(ACTORS) == {"customer", "agent", "bot", "system"}


def test_every_anchor_ends_in_moments_that_exist() -> None:
    for fact in FACTS:
        assert fact.default_anchor in fact.anchors
        for moments in fact.anchors.values():
            for moment in moments:
                table = models.interaction if moment.startswith("interaction.") else TABLES[fact.name]
                assert f"{moment.removeprefix('interaction.')}_at" in table.c
                assert fact.linked or not moment.startswith("interaction.")


def test_every_state_lies_between_moments_that_exist() -> None:
    for fact in FACTS:
        for name, state in fact.states.items():
            assert (state.name, state.doc[-1]) == (name, ".")
            assert state.label_en
            assert state.label_zh
            assert state.begins
            assert state.ends
            for moment in (*state.begins, *state.ends):
                assert f"{moment}_at" in TABLES[fact.name].c
            assert all(column in TABLES[fact.name].c for column in state.over)


@pytest.mark.parametrize(
    "names, state, fact",
    [
        ((), "open", "interaction"),
        ((), "ongoing", "activity"),
        (("agent",), "ongoing", "activity"),
        (("agent", "age"), "ongoing", "activity"),
        (("survey.score",), "ongoing", "survey"),
        ((), "no_such_state", "interaction"),
        (("survey.score", "order.paid"), "open", None),
    ],
)
def test_a_state_tells_the_fact(names: tuple[str, ...], state: str, fact: str | None) -> None:
    assert find_stateful(VOCABULARY, [VOCABULARY.fields[name] for name in names], state) == fact


def test_what_a_fact_owns_are_columns_of_its_table() -> None:
    for fact in FACTS:
        columns = TABLES[fact.name].c
        for name in fact.own:
            itself = fact.name == "base" and name == "customer"
            by_agent = name == "team" and "agent_id" in columns and not fact.linked
            assert f"{name}_id" in columns or itself or by_agent
        if fact.linked:
            assert "interaction_id" in TABLES[fact.name].c


@pytest.mark.parametrize(
    "fact, field, reached",
    [
        ("interaction", "channel", True),
        ("interaction", "survey.score", False),
        ("survey", "survey.score", True),
        ("survey", "channel", True),
        ("survey", "region", True),
        ("survey", "order.amount", False),
        ("order", "agent", True),
        ("order", "team", True),
        ("activity", "team", True),
        ("order", "queue", False),
        ("order", "customer.first_csat", True),
        ("activity", "customer.first_csat", False),
        ("sla", "priority", True),
        ("base", "customer", True),
        ("base", "customer.segment", True),
        ("base", "customer.first_csat", True),
        ("base", "agent", False),
        ("base", "channel", False),
        ("order", "region", False),
        ("order", "customer.segment", True),
        ("activity", "agent", True),
        ("activity", "customer.segment", False),
        ("activity", "weekday", True),
        ("order", "month", True),
        ("event", "handle_time", True),
        ("interaction", "age", True),
        ("activity", "age", True),
        ("order", "age", False),
    ],
)
def test_who_reaches_what(fact: str, field: str, reached: bool) -> None:
    assert reachable(VOCABULARY, fact, VOCABULARY.fields[field]) is reached


def test_fields_tell_the_fact() -> None:
    def fact_of(*names: str) -> str | None:
        return find_fact(VOCABULARY.fields[name] for name in names)

    assert fact_of() == "interaction"
    assert fact_of("channel", "customer.segment", "month") == "interaction"
    assert fact_of("channel", "survey.kind") == "survey"
    assert fact_of("survey.kind", "order.paid") is None


def test_attributes_are_fields_of_the_interaction() -> None:
    fields = build_vocabulary(
        0,
        [
            ("region", "text", "Region", "大区"),
            ("spend", "money", None, None),
            ("score", "number", None, None),
            ("due", "moment", None, None),
        ],
    ).fields
    region = fields["region"]
    assert (region.origin, region.type, region.label_zh, region.groupable) == (
        Origin.ATTRIBUTE,
        TEXT,
        "大区",
        True,
    )
    assert fields["spend"].type == money(0)
    assert fields["score"].type == DECIMAL
    assert fields["due"].type == MOMENT
    assert fields["due"].label_zh == fields["due"].label_en == "due"


def test_an_attribute_never_hides_a_built_in_field() -> None:
    fields = VOCABULARY.fields
    assert fields["channel"].origin is Origin.COLUMN
    assert fields["attribute.channel"].column == "channel"
    assert fields["attribute.where"].column == "where"
    assert "attribute.region" not in fields


def test_equal_vocabularies_are_one_and_others_differ_in_version() -> None:
    assert build_vocabulary(2) is build_vocabulary(2)
    assert build_vocabulary(2).version != build_vocabulary(0).version
    assert build_vocabulary(2).version != VOCABULARY.version
    assert build_vocabulary(2).version


def test_what_people_group_by_is_groupable() -> None:
    groupable = {name for name, field in build_vocabulary().fields.items() if field.groupable}
    assert {"agent", "team", "channel", "hour_of_day", "weekday", "date", "iso_week", "month"} <= groupable
    assert "handle_time" not in groupable
    assert all(VOCABULARY.fields[name].type.kind is not Kind.MOMENT for name in groupable)
