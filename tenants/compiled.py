"""Statements that are asked again and again: compiled once, then only given a namespace and values.

Compiling, looking up and adapting cost several times what the server takes to find a row by its key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from sqlalchemy import (
    ARRAY,
    BindParameter,
    Date,
    DateTime,
    Delete,
    Insert,
    Integer,
    Text,
    TextClause,
    TextualSelect,
    Update,
    Uuid,
    bindparam,
    cast,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql import visitors
from sqlalchemy.sql.selectable import SelectBase

from tenants.tables import PLACEHOLDER

_DIALECT = postgresql.asyncpg.dialect()  # type: ignore[no-untyped-call]
_NAMESPACE = "tenant!s namespace"  # needs quotes, so that it can stand for nothing else
_QUOTED = f'"{_NAMESPACE}"'


class _ListAsText(Text):
    """A list on its way to the server."""


class CompiledSelect:
    """A Core query for `ReadSession.fetch`, made once for the life of the process: a constant of a module.

    Values that change are `bindparam("name")`; a list is `column == any_(bindparam("name", type_=ARRAY(..)))`.
    Raises TypeError for text, for what changes rows, and for `in_` of a list, whose text depends on its length.
    """

    __slots__ = ("_known", "_names", "_pieces", "_processors")

    def __init__(self, statement: SelectBase) -> None:
        for part in visitors.iterate(statement):
            if isinstance(part, TextClause | TextualSelect | Insert | Update | Delete):
                raise TypeError("only a query in Core can be compiled for every tenant")
        traversed: Any = visitors.replacement_traverse(statement, {}, _as_text)
        compiled = traversed.compile(
            dialect=_DIALECT, schema_translate_map={PLACEHOLDER: _NAMESPACE}, render_schema_translate=True
        )
        if compiled.post_compile_params or compiled.literal_execute_params:
            raise TypeError("a list of values is compared with any_(), so that the text stays the same")
        self._pieces: list[str] = str(compiled).split(_QUOTED)
        self._names: tuple[str, ...] = tuple(compiled.positiontup or ())
        self._known: dict[str, Any] = {}
        self._processors: dict[str, Callable[[Any], Any]] = {}
        for bind, name in compiled.bind_names.items():
            if not bind.required:
                self._known[name] = bind.effective_value
            if isinstance(bind.type, _ListAsText):
                process = _list_as_text
            else:
                process = bind.type.dialect_impl(_DIALECT).bind_processor(_DIALECT)
            if process is not None:
                self._processors[name] = process

    def text(self, namespace: str) -> str:
        """The statement for the tables of one namespace, whose name is known to need no quotes."""
        return namespace.join(self._pieces)

    def values(self, parameters: Mapping[str, Any]) -> list[Any]:
        """What the driver wants for $1, $2 and so on. Raises TypeError unless all are given and no other."""
        given = {**self._known, **parameters}
        if len(given) != len(self._names) or not given.keys() >= set(self._names):
            raise TypeError(f"this statement takes {sorted(set(self._names) - self._known.keys())}")
        for name, process in self._processors.items():
            given[name] = process(given[name])
        return [given[name] for name in self._names]


def _as_text(element: Any, **_: Any) -> Any:
    """A list that is bound travels as one text: the driver asks each new connection about the type of any but
    that of texts, with a function that is forbidden to all.
    """
    if not isinstance(element, BindParameter) or not isinstance(element.type, ARRAY):
        return None
    if isinstance(element.type.item_type, Text):
        return None
    if not isinstance(element.type.item_type, Integer | Uuid | Date | DateTime):
        raise TypeError(f"a list of {element.type.item_type!r} cannot be bound")
    return cast(bindparam(element.key, type_=_ListAsText(), required=True), element.type)


def _list_as_text(values: Iterable[Any] | None) -> str | None:
    if values is None:
        return None
    texts = (value.isoformat() if isinstance(value, date) else str(value) for value in values)
    return "{" + ",".join(texts) + "}"
