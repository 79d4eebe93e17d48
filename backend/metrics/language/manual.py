"""The tables of the language manual, made from the code: `python -m backend.metrics.language.manual` renews
the README.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from backend.metrics.language.attribution import RULES
from backend.metrics.language.clauses import CLAUSES
from backend.metrics.language.diagnostics import MEANINGS
from backend.metrics.language.functions import FUNCTIONS
from backend.metrics.language.types import Field, Kind, Type, Unit
from backend.metrics.language.vocabulary import FACTS, build_vocabulary

README = Path(__file__).resolve().parent.parent / "README.md"
_BLOCK = re.compile(r"(<!-- (\w+): generated -->\n).*?(<!-- end -->)", re.DOTALL)


def functions_table() -> str:
    """The functions."""
    rows = (
        (
            f"`{function.name}`",
            function.takes,
            function.gives,
            "yes" if function.mergeable else "no",
            function.doc,
            f"`{function.example}`",
        )
        for function in FUNCTIONS
    )
    return _table(("function", "takes", "gives", "merges", "meaning", "example"), rows)


def fields_table() -> str:
    """The built-in fields."""
    rows = (
        (
            f"`{field.name}`",
            _type(field.type),
            f"{field.label_en} · {field.label_zh}",
            "yes" if field.groupable else "",
            _meaning(field),
        )
        for field in build_vocabulary().fields.values()
    )
    return _table(("field", "type", "label", "dimension", "meaning"), rows)


def facts_table() -> str:
    """The kinds of rows and their anchors; the first named anchor is the default."""
    rows = []
    for fact in FACTS:
        others = [name for name in fact.anchors if name != fact.default_anchor]
        reach = "all" if fact.linked or fact.name == "interaction" else ", ".join(sorted(fact.own))
        rows.append(
            (
                f"{fact.label_en} · {fact.label_zh}",
                ", ".join(f"`{name}`" for name in (fact.default_anchor, *others)),
                "; ".join(
                    f"{name}: {' → '.join(moments)}"
                    for name, moments in fact.anchors.items()
                    if not moments[0].startswith("interaction.")
                ),
                reach,
            )
        )
    return _table(("rows", "anchors", "moments tried", "fields of the interaction"), rows)


def states_table() -> str:
    """The states that rows may be in."""
    rows = (
        (
            f"`{state.name}`",
            f"{state.label_en} · {state.label_zh}",
            fact.label_en,
            " → ".join(state.begins),
            " → ".join(state.ends),
            state.doc,
        )
        for fact in FACTS
        for state in fact.states.values()
    )
    return _table(("state", "label", "rows", "begins", "ends", "meaning"), rows)


def clauses_table() -> str:
    """The clauses."""
    rows = ((f"`{one.written}`", one.doc, f"`{one.example}`") for one in CLAUSES)
    return _table(("clause", "meaning", "example"), rows)


def codes_table() -> str:
    """The codes of diagnostics."""
    return _table(("code", "meaning"), ((f"`{code}`", meaning) for code, meaning in MEANINGS.items()))


def rules_table() -> str:
    """The attribution rules."""
    rows = (
        (
            f"`{rule.name}`",
            f"{rule.en} · {rule.zh}",
            "more than the total" if rule.overcounts else "the total",
            rule.doc,
        )
        for rule in RULES
    )
    return _table(("rule", "label", "agents add up to", "whose a row is"), rows)


BLOCKS: Mapping[str, Callable[[], str]] = {
    "functions": functions_table,
    "fields": fields_table,
    "facts": facts_table,
    "rules": rules_table,
    "states": states_table,
    "clauses": clauses_table,
    "codes": codes_table,
}


def renew(page: str) -> str:
    """The page with every generated block made anew; raises KeyError for a block nobody makes."""
    return _BLOCK.sub(lambda block: f"{block[1]}{BLOCKS[block[2]]()}\n{block[3]}", page)


def _meaning(field: Field) -> str:
    choices = f" One of {', '.join(field.choices)}." if field.choices else ""
    return field.doc + choices


def _type(type_: Type) -> str:
    if type_.kind is Kind.NUMBER and type_.unit is not Unit.NONE:
        return type_.unit
    return type_.kind


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    listed = [list(heads)]
    listed.append(["---"] * len(listed[0]))
    listed.extend([cell.replace("|", "\\|") for cell in row] for row in rows)
    return "\n".join(f"| {' | '.join(row)} |" for row in listed)


if __name__ == "__main__":
    README.write_text(renew(README.read_text(encoding="utf-8")), encoding="utf-8")
