"""A plan as people read it. Never a source of SQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import assert_never

from backend.metrics.language.bound import (
    Aggregate,
    Arithmetic,
    Basis,
    Business,
    Choose,
    Combination,
    Compare,
    FieldValue,
    Happened,
    IsMissing,
    Linked,
    Literal,
    Logic,
    Matured,
    Not,
    OneOf,
    Quotient,
    Related,
    Row,
    Scaled,
    Stretch,
)
from backend.metrics.language.formatter import format_duration, format_moving
from backend.metrics.language.types import Type, Unit
from backend.metrics.planning.parts import Part
from backend.metrics.planning.planner import Plan, Scan, Split, Statement


def describe(plan: Plan) -> str:
    """One paragraph per statement: its rows, its splits, its parts."""
    return "\n\n".join(describe_statement(statement) for statement in plan.statements)


def describe_statement(statement: Statement) -> str:
    """Its rows, its splits, its parts, a line each."""
    lines = [f"{statement.kind} of {_scan(statement.scan)}"]
    lines += [f"  by {describe_split(split)}" for split in statement.splits]
    lines += [f"  {describe_part(part)}" for part in statement.parts]
    return "\n".join(lines)


def describe_split(split: Split) -> str:
    """What it groups by; "nothing" where all rows are one group."""
    names = [split.grain.value] if split.grain else []
    return ", ".join([*names, *(field.name for field in split.dimensions)]) or "nothing"


def brief(row: Row) -> str:
    """A row expression, near to how a formula says it."""
    match row:
        case Literal(value=value, type=kind):
            return _literal(value, kind)
        case FieldValue(field=field) | Happened(field=field):
            return field.name
        case Arithmetic(op=op, left=left, right=right) | Compare(op=op, left=left, right=right):
            return f"({brief(left)} {op} {brief(right)})"
        case Quotient(left=left, right=right):
            return f"({brief(left)} / {brief(right)})"
        case Stretch(start=start, end=end):
            return f"{brief(start)}, {brief(end)}"
        case Scaled(operand=operand):
            return brief(operand)  # another scale is no other value
        case OneOf(operand=operand, options=options, negated=negated):
            return f"({brief(operand)}{' not' if negated else ''} in ({', '.join(map(brief, options))}))"
        case IsMissing(operand=operand, negated=negated):
            return f"({brief(operand)} is {'not ' if negated else ''}missing)"
        case Logic(op=op, operands=operands):
            return f"({f' {op} '.join(map(brief, operands))})"
        case Not(operand=operand):
            return f"not {brief(operand)}"
        case Choose(condition=condition, then=then, otherwise=otherwise):
            return f"if({brief(condition)}, {brief(then)}, {brief(otherwise)})"
        case Combination(rows=rows):
            return ", ".join(map(brief, rows))
        case Related() | Linked() | Matured():
            return _relation(row)
        case Business(start=start, end=end, last=last):
            return f"{'business_last' if last else 'business'}({brief(end)} - {brief(start)})"
        case _:
            assert_never(row)


def brief_aggregate(aggregate: Aggregate) -> str:
    """One aggregate of a formula, near to how a formula says it; references are written out."""
    name = aggregate.function
    if aggregate.percentile is not None:
        name = f"{_PERCENTILES[name]}{aggregate.percentile * 100:f}".rstrip("0").rstrip(".")
    taken = [_bare(row) for row in (aggregate.argument, aggregate.other) if row is not None]
    inner = [", ".join(taken)] if taken else []
    if aggregate.where is not None:
        inner.append(f"where {_bare(aggregate.where)}")
    inner.extend(_looks(aggregate.basis))
    if aggregate.across:
        inner.append(f"across {', '.join(field.name for field in aggregate.across)}")
    return f"{name}({' '.join(inner)})"


_PERCENTILES = {"percentile": "p", "exact_percentile": "exact_p", "disc_percentile": "disc_p"}


def _relation(row: Related | Linked | Matured) -> str:
    match row:
        case Matured(span=span, since=since):
            return f"matured({format_duration(span)}{f' since {since.name}' if since else ''})"
        case Related(since=since, within=within) if since is not None:
            return f"contacted_again_within({format_duration(within)})"
        case Related(moment=moment, within=within, ahead=ahead, alike=alike, where=where):
            name = "followed_within" if ahead else "preceded_within"
            inner = [format_duration(within), moment.name, *(field.name for field in alike)]
        case Linked(moment=moment, where=where):
            name, inner = "has", [moment.name]
        case _:
            assert_never(row)
    return f"{name}({', '.join(inner)}{'' if where is None else f' where {_bare(where)}'})"


def _bare(row: Row) -> str:
    text = brief(row)
    compound = isinstance(row, Arithmetic | Quotient | Compare | OneOf | IsMissing | Logic)
    return text[1:-1] if compound else text


def _literal(value: object, kind: Type) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() if kind.unit is Unit.DURATION:
            return format_duration(value) if value >= 0 else f"-{format_duration(-value)}"
        case int():
            return f"{(Decimal(value) / kind.scale).normalize():f}"
        case _:
            return json.dumps(str(value), ensure_ascii=False)


def _scan(scan: Scan) -> str:
    window = (
        "all rows"
        if scan.window is None
        else (f"{scan.window.start.isoformat()} to {scan.window.end.isoformat()} ({scan.window.zone})")
    )
    if scan.within:
        parts = ", ".join(f"{one.start.isoformat()} to {one.end.isoformat()}" for one in scan.within)
        window = f"{parts} of {window}"
    ends = [] if scan.grain is None else [f"at the end of each {scan.grain}"]
    text = ", ".join([f"{scan.basis.fact} at {scan.basis.anchor}", window, *_basis(scan), *ends])
    return text if scan.where is None else f"{text}, where {brief(scan.where)}"


def _looks(basis: Basis) -> Iterator[str]:
    if basis.moving is not None:
        yield f"over {format_moving(basis.moving)}"
    if basis.state is not None:
        yield f"while {basis.state}"


def _basis(scan: Scan) -> Iterator[str]:
    basis = scan.basis
    yield from _looks(basis)
    if basis.credit is not None:
        yield f"credited to {basis.credit}" + (", to each agent" if scan.per_agent else "")
    if basis.including_excluded:
        yield "including excluded"


def describe_part(part: Part) -> str:
    """What is collected of which rows."""
    collect = str(part.collect) if part.percentile is None else f"{part.collect} {part.percentile}"
    text = f"{collect} of {'rows' if part.value is None else brief(part.value)}"
    text = text if part.condition is None else f"{text} where {brief(part.condition)}"
    return text if not part.across else f"{text} across {', '.join(field.name for field in part.across)}"
