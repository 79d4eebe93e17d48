"""@key in a formula: the formulas of other KPIs, read when they are needed, without circles and not without
end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from backend.metrics.language.diagnostics import Code, Findings, find_nearest
from backend.metrics.language.parser import parse
from backend.metrics.language.tree import Formula, KpiReference

MAX_REFERENCES = 8  # levels of KPIs that refer to KPIs


class References:
    """The definitions a formula may refer to; `seen` keeps what was looked up, so that a cache can tell if
    it changed.

    `key` is the KPI that the formula itself will define: to refer back to it closes a circle.
    """

    def __init__(self, definitions: Mapping[str, str], key: str | None = None) -> None:
        self._definitions = definitions
        self._key = key
        self.seen: dict[str, str | None] = {}

    def find(self, node: KpiReference, path: tuple[str, ...], findings: Findings) -> Formula | None:
        """The tree of a KPI that is referred to from the KPIs of `path`; None, with a diagnostic, if it
        cannot be.
        """
        circle = (self._key, *path) if self._key is not None else path
        if node.key in circle:
            turn = (*circle[circle.index(node.key) :], node.key)
            shown = " → ".join(f"@{key}" for key in turn)
            findings.add(Code.KPI_CIRCLE, node.span, f"KPIs refer to each other in a circle: {shown}.")
            return None
        if len(path) >= MAX_REFERENCES:
            findings.add(
                Code.KPI_TOO_DEEP,
                node.span,
                f"KPIs refer to KPIs more than {MAX_REFERENCES} levels deep.",
            )
            return None
        text = self.seen[node.key] = self._definitions.get(node.key)
        if text is None:
            nearest = find_nearest(node.key, self._definitions)
            findings.add(
                Code.KPI_UNKNOWN,
                node.span,
                f"There is no KPI “{node.key}”.",
                hint=f"Did you mean @{nearest}?" if nearest else None,
                nearest=nearest,
            )
            return None
        parsed = parse(text)
        if parsed.formula is None:
            report_broken(node, parsed.diagnostics[0].message, findings)
        return parsed.formula


def report_broken(node: KpiReference, message: str, findings: Findings) -> None:
    """Says that the formula of a KPI that is referred to has a mistake itself."""
    findings.add(Code.KPI_BROKEN, node.span, f"@{node.key} has a mistake itself: {message}")


def references_in(formula: Formula) -> set[str]:
    """The keys of the KPIs that a formula itself names."""
    found: set[str] = set()
    pending: list[Any] = [formula]
    while pending:
        node = pending.pop()
        if isinstance(node, KpiReference):
            found.add(node.key)
        elif isinstance(node, tuple):
            pending.extend(node)
        elif is_dataclass(node):
            pending.extend(getattr(node, part.name) for part in fields(node))
    return found
