"""Asking something that may be kept, and whether it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tenants.versions import Versioned
from tests.schema.desk import Desk

COUNT = """query ($formula: String! = "count()", $by: [String!]! = []) {
  kpiValues(input: {formulas: [{name: "a", formula: $formula}], dimensions: $by}) {
    problems { code } answer { dimensions { keys labels } series { values total { value } } } } }"""


@dataclass(frozen=True)
class Asked:
    """What came back, and how it came about."""

    answer: dict[str, Any]
    cached: bool
    age: float
    versions: dict[str, int] | None

    @property
    def total(self) -> float | None:
        """The total of the only series."""
        total: float | None = self.answer["data"]["kpiValues"]["answer"]["series"][0]["total"]["value"]
        return total


async def ask(
    desk: Desk,
    query: str = COUNT,
    variables: dict[str, Any] | None = None,
    staleness: float = 0,
    **options: Any,
) -> Asked:
    """The answer to a query; with `staleness` 0 one that stands now."""
    body = {"query": query, "variables": variables, "extensions": {"maxStaleness": staleness}}
    answer = (await desk.post(body, **options)).json()
    freshness = answer.pop("extensions")["freshness"]
    return Asked(answer, freshness["cached"], freshness["ageSeconds"], freshness["versions"])


async def write(desk: Desk, *rows: dict[str, Any]) -> None:
    """Stores interactions of acme and moves the data version, as every import does."""
    await desk.world.interact(*rows)
    async with desk.world.tenant.write() as session:
        await session.move(Versioned.FACTS)
