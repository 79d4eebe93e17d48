"""What an operation costs before it runs: the price of every list and of every field that makes statements.

A price is a base for the field itself and a number of items that everything selected below is multiplied by.
The unit is roughly one object made. Objects without a price cost 1, leaves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_composite_type,
    is_leaf_type,
)
from graphql.utilities import value_from_ast_untyped

Arguments = Mapping[str, Any]
Price = Callable[[Arguments], tuple[int, int]]  # arguments -> (base, items)

DEFAULT_PAGE = 50
KPI_STEPS = 4  # reckoned for a KPI in an explanation
GAP_MEMBERS = 40  # reckoned for the dimensions of a gap table, however many there are


def page(arguments: Arguments) -> tuple[int, int]:
    """A connection: one statement and as many items as the page may hold."""
    first = arguments.get("first")
    return 5, max(0, first) if isinstance(first, int) else DEFAULT_PAGE


def kpi_values(arguments: Arguments) -> tuple[int, int]:
    """KPI numbers: by KPIs and dimensions, twice with a comparison and once more for guardrails; columns, so one
    item.
    """
    asked = arguments.get("input")
    if not isinstance(asked, dict):
        return 20, 1
    kpis = _length(asked.get("keys")) + _length(asked.get("formulas"))
    once = 10 * kpis + 20 * _length(asked.get("dimensions"))
    return 20 + once * (3 if asked.get("compare") else 1), 1


def kpi_proof(arguments: Arguments) -> tuple[int, int]:
    """A proof: the number itself and its population once more; one item for each KPI."""
    asked = arguments.get("input")
    kpis = _length(asked.get("keys")) + _length(asked.get("formulas")) if isinstance(asked, dict) else 0
    return 20 + 30 * kpis, max(1, kpis)


def kpi_explanation(arguments: Arguments) -> tuple[int, int]:
    """An explanation: as its numbers, of which packs are read and statements planned; some steps for each KPI."""
    asked = arguments.get("input")
    kpis = _length(asked.get("keys")) + _length(asked.get("formulas")) if isinstance(asked, dict) else 0
    return kpi_values(arguments)[0], KPI_STEPS * max(1, kpis)


def gap_table(arguments: Arguments) -> tuple[int, int]:
    """A gap table: by KPIs and dimensions, twice as there may be a past; a row for each KPI, with dimensions
    many.
    """
    asked = arguments.get("input")
    if not isinstance(asked, dict):
        return 20, 1
    kpis, dimensions = _length(asked.get("keys")), _length(asked.get("dimensions"))
    rows = kpis * (GAP_MEMBERS if dimensions else 1)
    return 20 + 2 * (10 * kpis + 20 * dimensions), max(1, rows)


def preview_kpi(arguments: Arguments) -> tuple[int, int]:
    """A preview: the numbers of three KPIs, and the check of a definition."""
    asked = arguments.get("input")
    dimensions = _length(asked.get("dimensions")) if isinstance(asked, dict) else 0
    return 70 + 20 * dimensions, 1


def drill(arguments: Arguments) -> tuple[int, int]:
    """The rows behind a number: its scan, and as many items as the page may hold."""
    base, items = page(arguments)
    return base + 30, items


def records(arguments: Arguments) -> tuple[int, int]:
    """A batch: by its records."""
    asked = arguments.get("input")
    given = sum(_length(value) for value in asked.values()) if isinstance(asked, dict) else 0
    return 100 + 2 * given, 1


def fixed(base: int, items: int = 1) -> Price:
    """A price that arguments do not change."""
    return lambda _arguments: (base, items)


PRICES: dict[str, Price] = {
    "Query.node": fixed(5),
    "Query.kpis": page,
    "Query.kpiValues": kpi_values,
    "Query.kpiProof": kpi_proof,
    "Query.kpiExplanation": kpi_explanation,
    "Query.drill": drill,
    "Query.benchmarks": page,
    "Query.gapTable": gap_table,
    "Query.staffingBreakEven": fixed(1),
    "Query.interactions": page,
    "Query.agents": page,
    "Query.teams": page,
    "Query.queues": page,
    "Query.customers": page,
    "Query.schedules": page,
    "Query.syncRuns": page,
    "Query.rejectedRecords": page,
    "Query.checkFormula": fixed(20),
    "Query.previewKpi": preview_kpi,
    "Query.vocabulary": fixed(5, 100),
    "Kpi.history": fixed(1),
    "Mutation.createKpi": fixed(100),
    "Mutation.reviseKpi": fixed(100),
    "Mutation.archiveKpi": fixed(100),
    "Mutation.restoreKpi": fixed(100),
    "Mutation.setBenchmark": fixed(100),
    "Mutation.removeBenchmark": fixed(100),
    "Mutation.createSchedule": fixed(100),
    "Mutation.reviseSchedule": fixed(100),
    "Mutation.assignSchedule": fixed(100),
    "Mutation.archiveSchedule": fixed(100),
    "Mutation.importRecords": records,
    "Mutation.replayRejectedRecords": fixed(500),
    "Mutation.discardRejectedRecords": fixed(50),
    "Mutation.excludeInteractions": fixed(200),
    # Introspection beyond the standard documents: each list with what ours holds, so that twenty of them are
    # refused.
    "__Schema.types": fixed(1, 120),
    "__Schema.directives": fixed(1, 6),
    "__Type.fields": fixed(1, 10),
    "__Type.inputFields": fixed(1, 10),
    "__Type.enumValues": fixed(1, 6),
    "__Type.possibleTypes": fixed(1, 8),
    "__Type.interfaces": fixed(1, 2),
    "__Field.args": fixed(1, 3),
}


def cost_of(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
) -> int:
    """The cost of a validated operation with its coerced variables; each fragment is priced once."""
    root = schema.get_root_type(operation.operation)
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    return _Pricing(schema, fragments, variables).of(operation.selection_set, root)


class _Pricing:
    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: dict[str, FragmentDefinitionNode],
        variables: Mapping[str, Any],
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._variables = dict(variables)
        self._known: dict[str, int] = {}

    def of(self, selection_set: SelectionSetNode | None, parent: GraphQLNamedType | None) -> int:
        if selection_set is None or parent is None:
            return 0
        total = 0
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                total += self._field(selection, parent)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                within = self._schema.get_type(condition.name.value) if condition else parent
                total += self.of(selection.selection_set, within)
            elif isinstance(selection, FragmentSpreadNode):
                total += self._fragment(selection.name.value)
        return total

    def _fragment(self, name: str) -> int:
        if name not in self._known:
            fragment = self._fragments[name]
            within = self._schema.get_type(fragment.type_condition.name.value)
            self._known[name] = self.of(fragment.selection_set, within)
        return self._known[name]

    def _field(self, node: FieldNode, parent: GraphQLNamedType) -> int:
        field = self._schema.get_field(parent, node.name.value) if is_composite_type(parent) else None
        if field is None:
            return 0
        price = PRICES.get(f"{parent.name}.{node.name.value}")
        result = get_named_type(field.type)
        if price is None:
            return 0 if is_leaf_type(result) else 1 + self.of(node.selection_set, result)
        base, items = price(self._arguments(node))
        return base + items * self.of(node.selection_set, result)

    def _arguments(self, node: FieldNode) -> dict[str, Any]:
        return {
            argument.name.value: value_from_ast_untyped(argument.value, self._variables)
            for argument in node.arguments or ()
        }


def _length(value: object) -> int:
    if value is None:
        return 0
    return len(value) if isinstance(value, list | tuple) else 1
