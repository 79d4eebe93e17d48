"""What an operation costs before it runs: the price of every list and of every field that makes statements.

A price is a base for the field itself and a number of items that everything selected below is multiplied by.
The unit is roughly one object made. Objects without a price cost 1, leaves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_composite_type,
    is_leaf_type,
)
from graphql.utilities import value_from_ast_untyped

Arguments = Mapping[str, Any]
Price = Callable[[Arguments], tuple[int, int]]  # arguments -> (base, items)
Cost = Callable[[Arguments], int]  # coerced variables -> what the operation costs

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


def pricing_of(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> Cost:
    """What a validated operation costs, as a function of its coerced variables.

    The walk over the document is done here, once; what variables cannot change is added up. Each fragment is
    priced once.
    """
    root = schema.get_root_type(operation.operation)
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    priced = _Pricing(schema, fragments).of(operation.selection_set, root)
    return lambda variables: priced.cost(variables, {})


@dataclass(slots=True)
class _Priced:
    """What a selection costs: a fixed part, fields whose price variables change, and fragments with such fields."""

    fixed: int = 0
    fields: list[tuple[Price, Callable[[Arguments], Arguments], _Priced]] = field(default_factory=list)
    parts: list[_Priced] = field(default_factory=list)

    def add(self, part: _Priced) -> None:
        """Adds another selection beside this one; it may be spread in other places, too."""
        if part.fields or part.parts:
            self.parts.append(part)
        else:
            self.fixed += part.fixed

    def cost(self, variables: Arguments, known: dict[int, int]) -> int:
        """The cost with these variables; `known` are the selections that are worked out already."""
        if not self.fields and not self.parts:
            return self.fixed
        if id(self) not in known:
            total = self.fixed + sum(part.cost(variables, known) for part in self.parts)
            for price, arguments, inner in self.fields:
                base, items = price(arguments(variables))
                total += base + items * inner.cost(variables, known)
            known[id(self)] = total
        return known[id(self)]


class _Pricing:
    def __init__(self, schema: GraphQLSchema, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self._schema = schema
        self._fragments = fragments
        self._known: dict[str, _Priced] = {}

    def of(self, selection_set: SelectionSetNode | None, parent: GraphQLNamedType | None) -> _Priced:
        total = _Priced()
        if selection_set is None or parent is None:
            return total
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                self._field(selection, parent, total)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                within = self._schema.get_type(condition.name.value) if condition else parent
                total.add(self.of(selection.selection_set, within))
            elif isinstance(selection, FragmentSpreadNode):
                total.add(self._fragment(selection.name.value))
        return total

    def _fragment(self, name: str) -> _Priced:
        if name not in self._known:
            fragment = self._fragments[name]
            within = self._schema.get_type(fragment.type_condition.name.value)
            self._known[name] = self.of(fragment.selection_set, within)
        return self._known[name]

    def _field(self, node: FieldNode, parent: GraphQLNamedType, total: _Priced) -> None:
        found = self._schema.get_field(parent, node.name.value) if is_composite_type(parent) else None
        if found is None:
            return
        price = PRICES.get(f"{parent.name}.{node.name.value}")
        result = get_named_type(found.type)
        if price is None:
            if not is_leaf_type(result):
                total.fixed += 1
                total.add(self.of(node.selection_set, result))
            return
        inner = self.of(node.selection_set, result)
        given = _Arguments(node)
        if given.fixed and not inner.fields and not inner.parts:
            base, items = price(given({}))
            total.fixed += base + items * inner.fixed
        else:
            total.fields.append((price, given, inner))


class _Arguments:
    """The arguments of a field with given variables; `fixed` when there are none in them."""

    def __init__(self, node: FieldNode) -> None:
        self._given = [(argument.name.value, argument.value) for argument in node.arguments or ()]
        self.fixed = not any(_has_variable(value) for _, value in self._given)

    def __call__(self, variables: Arguments) -> Arguments:
        return {name: value_from_ast_untyped(value, dict(variables)) for name, value in self._given}


def _has_variable(value: ValueNode) -> bool:
    if isinstance(value, ListValueNode):
        return any(map(_has_variable, value.values))
    if isinstance(value, ObjectValueNode):
        return any(_has_variable(one.value) for one in value.fields)
    return isinstance(value, VariableNode)


def _length(value: object) -> int:
    if value is None:
        return 0
    return len(value) if isinstance(value, list | tuple) else 1
