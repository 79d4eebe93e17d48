"""Puts the schema together from the domains' parts, and prints it."""

from __future__ import annotations

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema.ingestion.mutations import IngestionMutations
from schema.ingestion.queries import IngestionQueries
from schema.insights.queries import InsightQueries
from schema.interactions.mutations import InteractionMutations
from schema.interactions.named import Agent, Customer, IssueType, Product, Queue, Team
from schema.interactions.queries import InteractionQueries
from schema.interactions.types import Interaction
from schema.metrics.benchmarks import BenchmarkMutations, BenchmarkQueries
from schema.metrics.gaps import GapQueries
from schema.metrics.mutations import MetricMutations
from schema.metrics.queries import MetricQueries
from schema.nodes import NodeQueries
from schema.scalars import SCALARS
from schema.schedules.mutations import ScheduleMutations
from schema.schedules.queries import ScheduleQueries
from schema.tenancy.queries import TenancyQueries


@strawberry.type(description="Everything that can be asked. Each list is a page of at most 200.")
class Query(
    TenancyQueries,
    NodeQueries,
    MetricQueries,
    BenchmarkQueries,
    GapQueries,
    InsightQueries,
    InteractionQueries,
    IngestionQueries,
    ScheduleQueries,
):
    pass


@strawberry.type(description="Everything that can be changed.")
class Mutation(
    MetricMutations, BenchmarkMutations, InteractionMutations, IngestionMutations, ScheduleMutations
):
    pass


def build_schema() -> strawberry.Schema:
    """A new schema; it holds no state and may be shared by all requests."""
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        types=[Interaction, Agent, Team, Queue, Customer, IssueType, Product],
        config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True),
    )


def print_sdl() -> str:
    """The schema in SDL, as `frontend-contract/schema.graphql` holds it but for the newline at its end."""
    return build_schema().as_str().rstrip()
