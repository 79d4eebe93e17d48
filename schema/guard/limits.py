"""The one place where the API's limits have values, and the error that names the limit which was passed.

The shape limits hold for ad hoc documents; trusted documents are bound by the cost alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from backend.core.errors import Exhausted


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds, all inclusive."""

    # The request
    body_bytes: int = 1_048_576
    body_seconds: float = 10.0
    json_depth: int = 32
    operation_seconds: float = (
        15.0  # above the 10 s a statement may take, so that its own error is what one sees
    )
    # The text of a document
    characters: int = 32_000
    tokens: int = 4_000
    comments: int = 200
    # Of one number: Python refuses to read integers of more than 4,300 digits, in words of its own.
    number_characters: int = 400
    # Its shape, fragments counted wherever they are spread
    depth: int = 12
    aliases: int = 40
    fields: int = 800
    directives: int = 8
    fragments: int = 20
    operations: int = 5
    variables: int = 50
    # Fields answering to one name in one place are compared pair by pair by validation: 5,000 pairs take some
    # 40 ms, while 800 times the same field (which `fields` admits) would take seconds.
    pairs: int = 5_000
    # The price of running it, in the unit of schema/costs.py
    cost: int = 10_000
    # The answer
    page: int = 200
    errors: int = 5
    records: int = 500  # of one mutation
    filter_values: int = 200  # of one list in a filter


LIMITS = Limits()


class LimitExceeded(Exhausted):
    """The request is larger than the API takes; trying again cannot help."""

    code = "LIMIT_EXCEEDED"

    def __init__(self, limit: str, allowed: float) -> None:
        super().__init__(f"The request passes the limit on {limit}, which is {allowed:g}.")
        self.limit = limit
        self.allowed = allowed


def check(limit: str, found: float, limits: Limits = LIMITS) -> None:
    """Raises LimitExceeded when `found` is more than the limit of that name."""
    allowed: float = getattr(limits, limit)
    if found > allowed:
        raise LimitExceeded(limit, allowed)
