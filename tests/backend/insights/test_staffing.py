"""What two agents more have to bring in."""

from __future__ import annotations

from decimal import Decimal

import pytest

from backend.insights.staffing import break_even_sales


@pytest.mark.parametrize(
    ("agents", "pay", "sales"),
    [(2, "5000", "120000"), (0, "5000", "0"), (3, "0", "0"), (1, "4999.99", "59999.88")],
)
def test_a_years_pay_has_to_come_back(agents: int, pay: str, sales: str) -> None:
    assert break_even_sales(agents, Decimal(pay)) == Decimal(sales)


@pytest.mark.parametrize(("agents", "pay"), [(-1, "1"), (1, "-1")])
def test_nobody_works_for_less_than_nothing(agents: int, pay: str) -> None:
    with pytest.raises(ValueError, match="below 0"):
        break_even_sales(agents, Decimal(pay))
