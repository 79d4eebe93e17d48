"""The published schema: exported, described, priced, and usable within its own limits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    get_introspection_query,
    get_named_type,
    parse,
    validate,
)

from schema.build import print_sdl
from schema.costs import PRICES, pricing_of
from schema.guard.limits import LIMITS
from schema.guard.shape import check_shape

CONTRACT = Path(__file__).resolve().parents[2] / "frontend-contract"
OPERATIONS = sorted((CONTRACT / "operations").glob("*.graphql"))


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    """The schema as clients know it: made from the SDL."""
    return build_schema(print_sdl())


def described(schema: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    """Everything that must have a description, by its path."""
    for name, kind in schema.type_map.items():
        if name.startswith("__") or name in (
            "String",
            "Int",
            "Float",
            "Boolean",
            "ID",
            "DateTime",
            "Decimal",
        ):
            continue
        yield name, kind.description
        if isinstance(kind, GraphQLEnumType):
            yield from ((f"{name}.{value}", found.description) for value, found in kind.values.items())
        elif isinstance(kind, GraphQLInputObjectType):
            yield from ((f"{name}.{field}", found.description) for field, found in kind.fields.items())
        elif isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for field, found in kind.fields.items():
                yield f"{name}.{field}", found.description
                for argument, asked in found.args.items():
                    yield f"{name}.{field}({argument})", asked.description


def test_the_exported_schema_is_current() -> None:
    assert (CONTRACT / "schema.graphql").read_text("utf-8") == print_sdl() + "\n", (
        "run: .venv/bin/scoredesk schema > frontend-contract/schema.graphql"
    )


def test_everything_has_a_description(schema: GraphQLSchema) -> None:
    assert [path for path, description in described(schema) if not description] == []


def test_there_is_no_json_scalar(schema: GraphQLSchema) -> None:
    scalars = {name for name, kind in schema.type_map.items() if type(kind).__name__ == "GraphQLScalarType"}
    assert scalars == {
        "String",
        "Int",
        "Float",
        "Boolean",
        "ID",
        "Date",
        "DateTime",
        "Decimal",
        "LocalMoment",
    }


def test_every_list_of_the_root_has_a_price(schema: GraphQLSchema) -> None:
    roots = [root for root in (schema.query_type, schema.mutation_type) if root]
    fields = {f"{root.name}.{name}": field for root in roots for name, field in root.fields.items()}
    unpriced = {path for path in fields if path not in PRICES} - {"Query.viewer", "Query.tenant"}
    assert unpriced == set()
    assert {path for path in PRICES if path.split(".")[0] in ("Query", "Mutation")} <= set(fields)
    connections = {name for name in schema.type_map if name.endswith("Connection")}
    inside = [
        f"{name}.{field}"
        for name, kind in schema.type_map.items()
        if isinstance(kind, GraphQLObjectType) and kind not in roots
        for field, found in kind.fields.items()
        if get_named_type(found.type).name in connections
    ]
    assert inside == []


@pytest.mark.parametrize("path", OPERATIONS, ids=lambda path: path.stem)
def test_shipped_operations_fit_the_schema_and_the_limits(path: Path, schema: GraphQLSchema) -> None:
    document = parse(path.read_text("utf-8"), max_lexical_tokens=LIMITS.tokens)
    check_shape(document)
    assert validate(schema, document) == []
    for operation in document.definitions:
        if isinstance(operation, OperationDefinitionNode):
            assert pricing_of(schema, document, operation)({"first": 50}) <= LIMITS.cost / 5


@pytest.mark.parametrize(
    ("text", "variables", "cost"),
    [
        ("{ viewer { role } }", {}, 1),
        ("{ agents(first: 10) { nodes { name } } }", {}, 5 + 10 * 1),
        ("query ($n: Int!) { agents(first: $n) { nodes { team { name } } } }", {"n": 200}, 5 + 200 * 2),
        ("{ agents { nodes { name } } }", {}, 5 + 50),
        ("{ ...A ...A } fragment A on Query { agents(first: 3) { nodes { name } } }", {}, 2 * 8),
        (
            '{ kpiValues(input: {keys: ["a", "b"], dimensions: "c", compare: PREVIOUS_YEAR}) '
            "{ answer { series { n } } } }",
            {},
            20 + 3 * (20 + 20) + 2,
        ),
        (
            "query ($i: KpiValuesInput!) { kpiValues(input: $i) { problems { code } } }",
            {"i": {"keys": ["a"], "formulas": [{"name": "b", "formula": "c"}]}},
            20 + 20 + 1,
        ),
        (
            '{ kpiExplanation(input: {keys: ["a", "b"]}) { explanation { steps { read { statement } } } } }',
            {},
            20 + 20 + 4 * 2 * 3,
        ),
        ('{ kpiProof(input: {keys: ["a", "b"]}) { proofs { aggregates { n: counted } } } }', {}, 80 + 2 * 2),
        (
            '{ gapTable(input: {keys: ["a", "b"], window: {from: "2026-01-01", to: "2026-02-01"}, '
            'reference: TARGET, dimensions: "agent"}) { table { rows { current { n } } } } }',
            {},
            20 + 2 * 40 + 80 * (1 + 1 + 1),
        ),
        ('{ drill(input: {keys: "a"}, first: 7) { nodes { interaction { id } } } }', {}, 35 + 7 * 2),
    ],
)
def test_a_cost_is_known_before_running(
    text: str, variables: dict[str, object], cost: int, schema: GraphQLSchema
) -> None:
    document = parse(text)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    assert pricing_of(schema, document, operation)(variables) == cost


def test_introspection_by_the_dozen_costs_too_much(schema: GraphQLSchema) -> None:
    deep = "__schema { types { name fields { name args { name type { name } } type { ofType { name } } } } }"
    document = parse("{ " + " ".join(f"a{i}: {deep}" for i in range(20)) + " }")
    [operation] = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    assert pricing_of(schema, document, operation)({}) > LIMITS.cost
    document = parse(get_introspection_query())
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    assert pricing_of(schema, document, operation)({}) > 0
