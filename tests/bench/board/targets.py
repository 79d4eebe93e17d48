"""What the figures of a board are to reach: at the least, and as a goal. Lower is better everywhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """Above `least` a full run fails."""

    least: float
    goal: float


TARGETS = {
    "cold / MIXED": Target(1.5, 0.75),
    "cold p95 / p50": Target(2, 1.5),
    "warm / MIXED": Target(0.15, 0.08),
    "filtered / FACTS": Target(0.15, 0.06),
    "filtered / DuckDB": Target(2.5, 1.2),
    "cold, growth from the smaller size": Target(1.5, 1.1),
    "filtered, growth from the smaller size": Target(11, 8),
    "worst error of a p90": Target(0.02, 0.01),
    "written until shown, p95 / cold p50": Target(20, 5),
    "cold p50 during an import / without": Target(2, 1.3),
    "cold p95 during an import / without": Target(3, 1.6),
    "memory of the process, MiB": Target(150, 110),
    "GraphQL and HTTP, share of a cold board": Target(0.3, 0.1),
    "role and transaction / without": Target(1.2, 1.05),
    "p50 of many tenants / of one": Target(1.6, 1.25),
    "memory of a database connection, MiB": Target(60, 30),
}
