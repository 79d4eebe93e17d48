"""What an operation asks of a field: for resolvers that can save work nobody looks at."""

from __future__ import annotations

from collections.abc import Mapping

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    SelectionSetNode,
)

from schema.context import Info


def selects(info: Info, name: str) -> bool:
    """Whether a field of that name stands anywhere below the one that is resolved."""
    raw = info._raw_info
    seen: set[str] = set()
    return any(_holds(node.selection_set, name, raw.fragments, seen) for node in raw.field_nodes)


def _holds(
    selected: SelectionSetNode | None,
    name: str,
    fragments: Mapping[str, FragmentDefinitionNode],
    seen: set[str],
) -> bool:
    for one in selected.selections if selected is not None else ():
        if isinstance(one, FragmentSpreadNode):
            if one.name.value in seen:
                continue
            seen.add(one.name.value)
            inner: SelectionSetNode | None = fragments[one.name.value].selection_set
        else:
            assert isinstance(one, FieldNode | InlineFragmentNode)
            if isinstance(one, FieldNode) and one.name.value == name:
                return True
            inner = one.selection_set
        if _holds(inner, name, fragments, seen):
            return True
    return False
