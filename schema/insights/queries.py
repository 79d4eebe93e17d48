"""Calculators for decisions about staff."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import strawberry

from backend.core.errors import Problem as DomainProblem
from backend.insights.staffing import break_even_sales
from backend.web.access import READ_KPIS
from schema.context import Info
from schema.metrics.types import Problem

MOST_AGENTS = 100_000
LARGEST_PAY = Decimal(10) ** 12


@strawberry.input(description="Staff that might be added.")
class StaffingBreakEvenInput:
    agents: int = strawberry.field(description="How many agents more, 0 to 100,000.")
    monthly_pay: Decimal = strawberry.field(
        description="What one of them costs in a month, in major units of the tenant's currency; at most 10^12."
    )

    def problems(self) -> list[DomainProblem]:
        """What is wrong with it; empty when it can be worked out."""
        found = []
        if not 0 <= self.agents <= MOST_AGENTS:
            message = f"The number of agents lies between 0 and {MOST_AGENTS:,}."
            found.append(DomainProblem("AGENTS_OUT_OF_RANGE", message, ("agents",)))
        if not self.monthly_pay.is_finite() or not 0 <= self.monthly_pay <= LARGEST_PAY:
            message = "Pay is an amount from 0 to 10^12."
            found.append(DomainProblem("PAY_OUT_OF_RANGE", message, ("monthlyPay",)))
        return found


@strawberry.type(description="What added staff costs in a year, which is what it has to bring in.")
class StaffingBreakEven:
    sales: Decimal = strawberry.field(
        description="Sales of a year, in major units: above them the agents earn more than their pay. It counts "
        "sales as earned in full."
    )
    currency: str = strawberry.field(description="ISO 4217 code of the tenant's currency.")


@strawberry.type(description="The break-even, or what to mend in the question.")
class StaffingBreakEvenPayload:
    break_even: StaffingBreakEven | None = strawberry.field(description="Null when there are problems.")
    problems: list[Problem] = strawberry.field(description="Empty when there is an answer.")


@strawberry.type
class InsightQueries:
    @strawberry.field(
        description="The yearly sales from which added agents pay for themselves: agents times pay times 12."
    )
    def staffing_break_even(
        self,
        info: Info,
        input: Annotated[StaffingBreakEvenInput, strawberry.argument(description="How many, at what pay.")],
    ) -> StaffingBreakEvenPayload:
        info.context.require(READ_KPIS)
        problems = input.problems()
        if problems:
            return StaffingBreakEvenPayload(
                break_even=None, problems=[Problem.from_domain(one) for one in problems]
            )
        sales = break_even_sales(input.agents, input.monthly_pay)
        return StaffingBreakEvenPayload(
            break_even=StaffingBreakEven(sales=sales, currency=info.context.scope.tenant.currency),
            problems=[],
        )
