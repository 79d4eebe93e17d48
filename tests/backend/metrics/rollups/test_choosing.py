"""Of a day that several packs hold the newest counts, unless the day was touched after it or lies in the future."""

from __future__ import annotations

from datetime import date
from itertools import permutations
from uuid import UUID

from backend.metrics.rollups.choosing import choose
from backend.metrics.rollups.days import Days
from backend.metrics.rollups.repository import StoredPack

SERIES = UUID(int=1)


def day(number: int) -> date:
    return date(2026, 3, number)


def a_pack(first: int, last: int, as_of: int) -> StoredPack:
    return StoredPack(SERIES, Days(day(first), day(last)), as_of, frozenset(), b"")


MONTH, ANEW, LATER = a_pack(1, 31, 5), a_pack(3, 4, 7), a_pack(4, 9, 9)
ALL = Days(day(1), day(31))


def test_the_newest_pack_of_a_day_counts_in_whatever_order_they_come():
    for packs in permutations((MONTH, ANEW, LATER)):
        chosen = choose(packs, ALL, {}, 9)
        assert not chosen.stale
        assert [chosen.right[day(at)] for at in (2, 3, 4, 9, 10)] == [MONTH, ANEW, LATER, LATER, MONTH]


def test_a_day_touched_after_its_newest_pack_is_stale():
    """An older pack of it is no help, and other days stay right."""
    chosen = choose((MONTH, ANEW), ALL, {day(1): 5, day(2): 6, day(3): 8, day(4): 7}, 9)
    assert chosen.stale == {day(2), day(3)}
    assert set(chosen.right) == set(ALL) - chosen.stale


def test_what_a_snapshot_cannot_know_is_stale():
    """The packs it sees are none that were worked out later; if one is, it is not taken."""
    chosen = choose((MONTH, ANEW), ALL, {}, 6)
    assert chosen.stale == {day(3), day(4)}


def test_only_days_asked_for_are_chosen():
    chosen = choose((MONTH, ANEW), Days(day(4), day(5)), {day(9): 9}, 9)
    assert (set(chosen.right), chosen.stale) == ({day(4), day(5)}, set())
    assert choose((ANEW,), Days(day(20), day(25)), {}, 9).right == {}
    assert choose((), ALL, {day(1): 3}, 9).stale == set()


def test_days_by_the_packs_that_hold_them():
    chosen = choose((MONTH, ANEW), ALL, {}, 9)
    wanted = [day(5), day(2), day(3), day(1)]
    assert chosen.stretches(wanted) == [
        (MONTH, Days(day(1), day(2))),
        (ANEW, Days(day(3), day(3))),
        (MONTH, Days(day(5), day(5))),
    ]
