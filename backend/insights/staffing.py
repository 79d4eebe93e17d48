"""What more staff costs, and what it has to bring in to be worth it. Pure arithmetic, in major units of money."""

from __future__ import annotations

from decimal import Decimal

MONTHS = 12  # of a year


def break_even_sales(agents: int, monthly_pay: Decimal) -> Decimal:
    """The sales that agents have to add in a year to earn their pay for it.

    Raises ValueError for fewer than 0 agents, or pay below 0.
    """
    if agents < 0 or not monthly_pay >= 0:
        raise ValueError(f"agents and pay are not below 0: {agents}, {monthly_pay}")
    return agents * monthly_pay * MONTHS
