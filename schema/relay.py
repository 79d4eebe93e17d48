"""Relay's ids, pages and cursors. Cursors and ids are opaque to clients: they may only be handed back."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec
import strawberry

from backend.core.errors import Invalid
from schema.guard.limits import LIMITS

T = TypeVar("T")
R = TypeVar("R")
Key = list[Any]  # what a row is ordered by, as JSON can carry it
Find = Callable[
    [Any, str], Awaitable[Any]
]  # (info, key of an id) -> the node, None when there is none to see


@strawberry.interface(description="Anything that has an id of its own and can be asked for again by it.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque, unique over all types, stable for ever.")


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more follow after `endCursor`.")
    has_previous_page: bool = strawberry.field(description="Whether the page began after a cursor.")
    start_cursor: str | None = strawberry.field(description="Of the first item; null on an empty page.")
    end_cursor: str | None = strawberry.field(
        description="Of the last item: pass it as `after`. Null on an empty page."
    )


@strawberry.type(description="An item of a page and its cursor.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="Opaque: where the item stands in this list, in this order.")
    node: T = strawberry.field(description="The item.")


@strawberry.type(description="A page of a list, in the order the list's field names.")
class Connection(Generic[T]):
    edges: list[Edge[T]] = strawberry.field(description="The items with their cursors; at most `first`.")
    nodes: list[T] = strawberry.field(description="The items alone.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")


@strawberry.type(description="A page of a list short enough to be counted.")
class CountedConnection(Connection[T]):
    total_count: int = strawberry.field(description="How many there are on all pages together.")


def node_id(type_name: str, key: object) -> strawberry.ID:
    """The opaque id of a row."""
    return strawberry.ID(urlsafe_b64encode(f"{type_name}:{key}".encode()).decode().rstrip("="))


def parse_node_id(value: str) -> tuple[str, str] | None:
    """Type name and key of an opaque id; None when it is none of ours."""
    try:
        text = urlsafe_b64decode(value + "=" * (-len(value) % 4)).decode()
    except (ValueError, binascii.Error):
        return None
    name, colon, key = text.partition(":")
    return (name, key) if colon and "\x00" not in key else None


def cursor_of(key: Key) -> str:
    """The opaque cursor of a row with this order key."""
    return urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def parse_cursor(cursor: str | None, *types: Any) -> Key | None:
    """The order key in a cursor, its parts converted to `types`; None without a cursor.

    Raises Invalid (CURSOR_INVALID).
    """
    if cursor is None:
        return None
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        parts = msgspec.json.decode(text, type=list[Any])
        if len(parts) == len(types):
            return [msgspec.convert(part, kind) for part, kind in zip(parts, types, strict=True)]
    except (ValueError, binascii.Error, msgspec.MsgspecError, RecursionError):
        pass
    raise Invalid("This cursor is not one of this list's.", code="CURSOR_INVALID")


def page_size(first: int) -> int:
    """`first` itself when a page may be that long.

    Raises Invalid (PAGE_SIZE_INVALID).
    """
    if not 1 <= first <= LIMITS.page:
        raise Invalid(f"`first` lies between 1 and {LIMITS.page}.", code="PAGE_SIZE_INVALID")
    return first


def connection_of(
    rows: Sequence[R], first: int, after: str | None, key: Callable[[R], Key], wrap: Callable[[R], T]
) -> Connection[T]:
    """The page made of up to `first` + 1 rows: the one too many only tells that more follow."""
    return Connection(**_page(rows, first, after, key, wrap))


def counted_connection_of(
    rows: Sequence[R],
    first: int,
    after: str | None,
    key: Callable[[R], Key],
    wrap: Callable[[R], T],
    total: int,
) -> CountedConnection[T]:
    """A page as `connection_of` makes it, with the number of items on all pages together."""
    return CountedConnection(**_page(rows, first, after, key, wrap), total_count=total)


def _page(
    rows: Sequence[R], first: int, after: str | None, key: Callable[[R], Key], wrap: Callable[[R], T]
) -> dict[str, Any]:
    edges = [Edge(cursor=cursor_of(key(row)), node=wrap(row)) for row in rows[:first]]
    return {
        "edges": edges,
        "nodes": [edge.node for edge in edges],
        "page_info": PageInfo(
            has_next_page=len(rows) > first,
            has_previous_page=after is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
    }


def uuid_of(type_name: str, id: str) -> UUID:
    """The row's own id in an opaque one.

    Raises Invalid (ID_INVALID) for the id of something else.
    """
    parsed = parse_node_id(id)
    try:
        if parsed and parsed[0] == type_name:
            return UUID(parsed[1])
    except ValueError:
        pass
    raise Invalid(f"This is not the id of a {type_name}.", code="ID_INVALID")
