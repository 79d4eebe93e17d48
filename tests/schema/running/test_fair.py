"""A memory that tenants share keeps within its bounds, and nobody's part is eaten up by another."""

from __future__ import annotations

from uuid import UUID

import strawberry
from hypothesis import given
from hypothesis import strategies as st

from schema.guard.limits import LIMITS
from schema.running.documents import CACHED_CHARACTERS, Documents
from schema.running.fair import FairMemory
from schema.trusted.documents import TrustedDocuments

ANN, BOB = UUID(int=1), UUID(int=2)


class Seconds:
    """A counter of seconds that moves when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def memory(most: int = 100, share: float = 0.5, idle: float = 60.0) -> tuple[FairMemory[str, str], Seconds]:
    """A memory, and its clock."""
    seconds = Seconds()
    return FairMemory(most, share=share, idle=idle, now=seconds), seconds


def test_what_was_used_longest_ago_goes_first() -> None:
    kept, _ = memory()
    for key in "abc":
        kept.put(ANN, key, key.upper(), 20)
    assert (kept.get("a"), kept.get("b"), kept.get("c"), kept.weight) == (None, "B", "C", 40)
    kept.get("b")
    kept.put(ANN, "d", "D", 20)
    assert (kept.get("b"), kept.get("c"), kept.get("d")) == ("B", None, "D")


def test_a_busy_tenant_makes_room_out_of_its_own() -> None:
    kept, _ = memory(share=0.9)
    kept.put(BOB, "bob's", "x", 30)
    for number in range(50):
        kept.put(ANN, f"ann's {number}", "x", 10)
        assert kept.weight <= 100
    assert kept.get("bob's") == "x"


def test_what_is_heavier_than_a_share_is_not_kept_and_takes_nobodys_place() -> None:
    kept, _ = memory()
    kept.put(ANN, "a", "A", 50)
    kept.put(ANN, "b", "B", 51)
    assert (kept.get("a"), kept.get("b")) == ("A", None)
    kept.put(ANN, "a", "A", 51)
    assert (kept.get("a"), kept.weight, len(kept)) == (None, 0, 0)


def test_what_nobody_asks_for_is_gone_after_a_while() -> None:
    kept, seconds = memory(idle=60)
    kept.put(ANN, "asked", "x", 10)
    kept.put(ANN, "idle", "x", 10)
    seconds.now = 50
    assert kept.get("asked") == "x"
    seconds.now = 100
    kept.put(BOB, "another", "x", 10)
    assert (len(kept), kept.get("asked"), kept.get("idle")) == (2, "x", None)
    seconds.now = 161
    assert kept.get("asked") is None


@given(
    st.lists(
        st.tuples(st.sampled_from([ANN, BOB, UUID(int=3)]), st.integers(0, 30), st.integers(0, 70)),
        max_size=60,
    )
)
def test_its_bounds_hold_whatever_comes(brought: list[tuple[UUID, int, int]]) -> None:
    kept, seconds = memory()
    for owner, key, weight in brought:
        seconds.now += 1
        kept.put(owner, str(key), "x", weight)
        assert kept.weight <= 100
        assert max(kept._weights.values(), default=0) <= 50
        assert kept.weight == sum(kept._weights.values()) == sum(one.weight for one in kept._kept.values())
        assert len(kept) == sum(map(len, kept._owners.values()))


@strawberry.type
class Query:
    fine: int = 1


def test_documents_are_kept_within_bounds_and_one_tenants_do_not_displace_anothers() -> None:
    documents = Documents(strawberry.Schema(Query)._schema, LIMITS, TrustedDocuments())
    bobs = documents.free("query Bob { fine }", BOB, "r")
    for number in range(400):
        documents.free(f"query Q{number} {{ fine }} #" + "x" * 2_000, ANN, "r")
    assert documents._kept.weight <= CACHED_CHARACTERS
    assert documents.free("query Bob { fine }", BOB, "r") is bobs
    assert documents.free("query Bob { fine }", ANN, "r") is bobs
