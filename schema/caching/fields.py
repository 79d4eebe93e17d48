"""Which operations may be answered from memory: those whose every field rests on nothing but what a key holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
)

# Fields of the root that rest on facts, definitions, the tenant's row, the caller's role, agent and scopes, the
# language, the arguments and the tenant's present day. What hangs on the instant itself says so when it is
# worked out (`Context.volatile`).
KEPT = frozenset({"kpiValues", "gapTable", "kpis", "benchmarks", "vocabulary"})
# These rest on less, and cost less than a look at the versions: kept in such company, not for their own sake.
BESIDE = frozenset({"tenant", "staffingBreakEven", "__typename"})


def is_kept(operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]) -> bool:
    """Whether answers to this operation may be kept."""
    if operation.operation is not OperationType.QUERY:
        return False
    names = set(_names(operation.selection_set, fragments, set()))
    return names <= KEPT | BESIDE and not names.isdisjoint(KEPT)


def _names(
    selections: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode], seen: set[str]
) -> Iterator[str]:
    for selection in selections.selections:
        if isinstance(selection, FieldNode):
            yield selection.name.value
        elif isinstance(selection, InlineFragmentNode):
            yield from _names(selection.selection_set, fragments, seen)
        elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in seen:
            seen.add(selection.name.value)
            yield from _names(fragments[selection.name.value].selection_set, fragments, seen)
