"""What a row has to do with other rows, in SQL: those of the same customer, those linked to its interaction.

Each is looked up for every row, so each is written in a way that an index serves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TypeAlias

import sqlalchemy as sa

from backend.metrics.language import bound
from backend.metrics.language.bound import Row
from backend.metrics.language.fields import CUSTOMER
from backend.metrics.language.types import Fact
from backend.metrics.planning.lowering.tables import Condition, Tables, Value

# The meaning of a condition on the rows of other tables, whose calendar fields are of that moment.
ReadOther: TypeAlias = Callable[[Tables, Value, Row], Value]


def related(relation: bound.Related, fact: Fact, this: Tables, anchor: Value, read: ReadOther) -> Value:
    """Whether another row of `fact` and of the same customer lies within a span of this one."""
    table, customer, kind = this.own, this.owned(CUSTOMER), this.fact.name
    if relation.since is not None:
        kind = relation.since.fact
        table = this.home(relation.since)
        anchor, customer = this.stored(relation.since), table.c.customer_id
    other = this.another(fact)
    moment = other.stored(relation.moment)
    span = timedelta(milliseconds=relation.within)
    met: list[Condition] = (
        [moment >= anchor, moment <= anchor + span]
        if relation.ahead
        else [moment <= anchor, moment >= anchor - span]
    )
    if kind == fact.name:
        # a tie is settled by id, so that of two contacts of one instant exactly one is followed
        first, last = (anchor, moment) if relation.ahead else (moment, anchor)
        first_id, last_id = (table, other.own) if relation.ahead else (other.own, table)
        met += [sa.or_(first < last, first_id.c.id < last_id.c.id), other.own.c.id != table.c.id]
    elif not relation.ahead:
        met.append(moment < anchor)
    met += [this.stored(field) == other.stored(field) for field in relation.alike]
    met += _counted(other, moment, relation.where, read)
    found = [_exists(other, same, *met) for same in _of_customer(other, customer)]
    return sa.case((sa.and_(customer.is_not(None), anchor.is_not(None)), sa.or_(*found)))


def linked(relation: bound.Linked, fact: Fact, this: Tables, read: ReadOther) -> Value:
    """Whether the interaction that a row is or belongs to has a row of a linked fact."""
    own = this.own.c.id if this.own is this.interaction else this.own.c.interaction_id
    other = this.another(fact)
    moment = other.stored(relation.moment)
    met = [other.own.c.interaction_id == own, moment.is_not(None)]
    found = _exists(other, *met, *_counted(other, moment, relation.where, read))
    return sa.case((own.is_not(None), found))


def matured(relation: bound.Matured, this: Tables, anchor: Value, now: datetime) -> Value:
    """Whether a span has passed since a row's anchor."""
    start = anchor if relation.since is None else this.stored(relation.since)
    return start <= sa.literal(now - timedelta(milliseconds=relation.span), sa.DateTime(timezone=True))


def _counted(other: Tables, moment: Value, where: Row | None, read: ReadOther) -> Iterator[Condition]:
    yield from (exclusion.is_(None) for exclusion in other.exclusions())
    if where is not None:
        yield read(other, moment, where)


def _of_customer(other: Tables, customer: Value) -> Iterator[Condition]:
    """The ways in which a row may belong to a customer, apart: no index serves its own or else another's."""
    own = other.own is other.interaction or CUSTOMER in other.fact.own
    if own:
        yield other.own_id(CUSTOMER) == customer
    if other.interaction is not None and other.interaction is not other.own:
        through = other.interaction.c.customer_id == customer
        yield sa.and_(other.own_id(CUSTOMER).is_(None), through) if own else through


def _exists(other: Tables, *met: Condition) -> Condition:
    tables = other.joined()
    return sa.exists(sa.literal_column("1")).select_from(tables).where(*met).correlate_except(tables)
