"""Proofs as JSON or as lines to read. Formats numbers; computes none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from backend.cli.answers import cell_document, show_value, window_document
from backend.cli.console import visible
from backend.metrics.language.attribution import OWNER
from backend.metrics.proofs import AggregateProof, Proof


def to_json(proofs: Sequence[Proof]) -> str:
    """A document by KPI key: value, definition, data version, and each aggregate with its exclusions."""
    document = {"proofs": {one.kpi.key: _document(one) for one in proofs}}
    return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)


def to_lines(proofs: Sequence[Proof]) -> Iterator[str]:
    """A paragraph for each KPI: its value, what it was computed by, then who is counted and who is not."""
    for number, proof in enumerate(proofs):
        if number:
            yield ""
        yield f"{proof.kpi.key}  {show_value(proof.cell.value, proof.kpi)}  n {proof.cell.n:,}"
        yield f"  {visible(proof.kpi.formula)}"
        if proof.version is not None:
            yield f"  version {proof.version}, in force from {proof.effective_from}"
        for held in proof.schedules:
            since = held.effective_from.isoformat()
            yield f"  hours of {held.key}, version {held.version}, in force from {since}"
        seen = proof.data_version
        yield f"  from {proof.path} rows; data of " + (
            "no import yet" if seen is None else f"{seen.written_at.isoformat()} ({seen.number})"
        )
        for one in proof.aggregates:
            rule = "" if one.credit == OWNER.name else f" credited to {one.credit}"
            yield f"  {visible(one.formula)} at {one.anchor}{rule}"
            for count, what in _counts(one):
                yield f"    {count:>12,}  {visible(what)}"


def _counts(proof: AggregateProof) -> Iterator[tuple[int, str]]:
    yield proof.population, f"rows of {proof.fact}"
    yield proof.counted, "counted"
    for one in proof.exclusions:
        what = one.kind.value.replace("_", " ")
        yield one.rows, what if one.reason == one.kind.value else f"{what}: {one.reason}"


def _document(proof: Proof) -> dict[str, Any]:
    seen = proof.data_version
    return {
        **cell_document(proof.cell),
        "formula": proof.kpi.formula,
        "version": proof.version,
        "effective_from": proof.effective_from.isoformat() if proof.effective_from else None,
        "window": window_document(proof.window, proof.zone),
        "schedules": [
            {"key": one.key, "version": one.version, "effective_from": one.effective_from.isoformat()}
            for one in proof.schedules
        ],
        "path": proof.path,
        "data_version": {"id": str(seen.number), "written_at": seen.written_at.isoformat()} if seen else None,
        "aggregates": [
            {
                "formula": one.formula,
                "fact": one.fact,
                "anchor": one.anchor,
                "credit": one.credit,
                **cell_document(one.cell),
                "population": one.population,
                "counted": one.counted,
                "exclusions": [
                    {"kind": each.kind.value, "reason": each.reason, "rows": each.rows}
                    for each in one.exclusions
                ],
            }
            for one in proof.aggregates
        ],
    }
