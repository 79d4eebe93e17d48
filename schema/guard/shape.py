"""Measures the shape of a parsed document before validation sees it. Each fragment is measured once, however
often it is spread: walking it again at every spread is what makes the usual limiters take minutes on thirty
fragments.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from graphql import (
    DefinitionNode,
    DocumentNode,
    FieldNode,
    FloatValueNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    Visitor,
    visit,
)

from backend.core.errors import Invalid
from schema.guard.limits import LIMITS, Limits, check


@dataclass(frozen=True, slots=True)
class Shape:
    """How deep and how wide a selection is, fragments counted at each spread."""

    depth: int = 0
    aliases: int = 0
    fields: int = 0


_EMPTY = Shape()


def check_shape(document: DocumentNode, limits: Limits = LIMITS) -> None:
    """Raises LimitExceeded by the first limit on shape that the document passes, Invalid for circular
    fragments.
    """
    fragments: dict[str, FragmentDefinitionNode] = {}
    operations: list[OperationDefinitionNode] = []
    count = 0
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            fragments[definition.name.value] = definition
            count += 1
        elif isinstance(definition, OperationDefinitionNode):
            operations.append(definition)
    check("operations", len(operations), limits)
    check("fragments", count, limits)
    for operation in operations:
        check("variables", len(operation.variable_definitions or ()), limits)
    check("directives", sum(_directives(definition) for definition in document.definitions), limits)

    measure = _Measure(fragments)
    shapes = [measure.of(operation.selection_set) for operation in operations]
    shapes_of_fragments = [measure.of_fragment(name) for name in fragments]  # also those nobody spreads
    for name, found in (
        ("depth", max((shape.depth for shape in (*shapes, *shapes_of_fragments)), default=0)),
        ("aliases", sum(shape.aliases for shape in shapes)),
        ("fields", sum(shape.fields for shape in shapes)),
    ):
        check(name, found, limits)
    for shape in shapes_of_fragments:
        check("fields", shape.fields, limits)
    visit(document, _Numbers(limits))

    pairs = _Pairs(fragments, limits)
    for definition in (*operations, *fragments.values()):
        pairs.add([definition.selection_set])


class _Numbers(Visitor):
    """Refuses numbers that are longer than any that means something."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self._limits = limits

    def enter_int_value(self, node: IntValueNode, *_: object) -> None:
        check("number_characters", len(node.value), self._limits)

    def enter_float_value(self, node: FloatValueNode, *_: object) -> None:
        check("number_characters", len(node.value), self._limits)


class _Measure:
    def __init__(self, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._known: dict[str, Shape] = {}
        self._open: set[str] = set()

    def of(self, selection_set: SelectionSetNode | None) -> Shape:
        if selection_set is None:
            return _EMPTY
        depth = aliases = fields = 0
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                inner = self.of(selection.selection_set)
                depth = max(depth, inner.depth + 1)
                aliases += inner.aliases + (selection.alias is not None)
                fields += inner.fields + 1
                continue
            if isinstance(selection, FragmentSpreadNode):
                inner = self.of_fragment(selection.name.value)
            else:
                assert isinstance(selection, InlineFragmentNode)
                inner = self.of(selection.selection_set)
            depth = max(depth, inner.depth)
            aliases += inner.aliases
            fields += inner.fields
        return Shape(depth, aliases, fields)

    def of_fragment(self, name: str) -> Shape:
        if name in self._open:
            # Validation would say so too, but only after comparing fields around the circle.
            raise Invalid(f"The fragment “{name}” spreads itself.", code="GRAPHQL_VALIDATION_FAILED")
        if name not in self._known:
            self._open.add(name)
            fragment = self._fragments.get(name)
            self._known[name] = self.of(fragment.selection_set) if fragment else _EMPTY
            self._open.remove(name)
        return self._known[name]


class _Pairs:
    """Counts the pairs of fields that validation will compare, stopping as soon as there are too many."""

    def __init__(self, fragments: dict[str, FragmentDefinitionNode], limits: Limits) -> None:
        self._fragments = fragments
        self._limits = limits
        self._found = 0

    def add(self, selection_sets: Iterable[SelectionSetNode]) -> None:
        groups: dict[str, list[FieldNode]] = defaultdict(list)
        seen: set[str] = set()
        for selection_set in selection_sets:
            for field in self._fields(selection_set, seen):
                groups[(field.alias or field.name).value].append(field)
        for group in groups.values():
            self._found += len(group) * (len(group) - 1) // 2
            check("pairs", self._found, self._limits)
            if inner := [field.selection_set for field in group if field.selection_set]:
                self.add(inner)

    def _fields(self, selection_set: SelectionSetNode, seen: set[str]) -> Iterator[FieldNode]:
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                yield selection
            elif isinstance(selection, InlineFragmentNode):
                yield from self._fields(selection.selection_set, seen)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in seen:
                seen.add(selection.name.value)
                if fragment := self._fragments.get(selection.name.value):
                    yield from self._fields(fragment.selection_set, seen)


def _directives(node: DefinitionNode | Node) -> int:
    count = len(getattr(node, "directives", None) or ())
    if selection_set := getattr(node, "selection_set", None):
        count += sum(_directives(selection) for selection in selection_set.selections)
    return count + sum(
        _directives(definition) for definition in getattr(node, "variable_definitions", None) or ()
    )
