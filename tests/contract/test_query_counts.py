"""How many statements a screen costs; more rows must not mean more statements."""

from __future__ import annotations

from pathlib import Path

from backend.interactions import models
from tests.schema.desk import Desk
from tests.statements import counted

OPERATIONS = Path(__file__).resolve().parents[2] / "frontend-contract" / "operations"
WINDOW = {"window": {"from": "2026-02-02", "to": "2026-02-09"}}


async def fill(desk: Desk, count: int) -> None:
    """Interactions, each of which names something of its own."""
    world = desk.world
    rows = []
    for i in range(count):
        row = {}
        for table, column in (
            (models.agent, "agent_id"),
            (models.team, "team_id"),
            (models.queue, "queue_id"),
            (models.customer, "customer_id"),
            (models.issue_type, "issue_type_id"),
        ):
            row[column] = (await world.name(table, f"{table.name}-{i}"))[f"{table.name}-{i}"]
        rows.append(row)
    await world.interact(*rows)


async def test_a_page_of_interactions_costs_one_statement_a_kind_of_thing(desk: Desk) -> None:
    await fill(desk, 12)
    query = (OPERATIONS / "interactions.graphql").read_text()
    token = await desk.token("viewer")
    await desk.data(query, token=token)
    for first in (2, 12):
        async with counted(desk.database) as count:
            data = await desk.data(query, {"first": first}, token=token)
        assert len(data["interactions"]["nodes"]) == first
        assert count.statements == 6  # the page, then agents, teams, queues, customers, issue types
        assert count.transactions == 6


async def test_a_screen_of_numbers_is_one_transaction_of_a_few_statements(desk: Desk) -> None:
    await fill(desk, 5)
    query = (OPERATIONS / "first-light.graphql").read_text()
    token = await desk.token("viewer")
    await desk.data(query, WINDOW, token=token)
    async with counted(desk.database) as count:
        data = await desk.data(query, WINDOW, token=token)
    assert data["headline"]["problems"] == []
    assert count.transactions == 1
    assert count.statements <= 16, (
        "definitions, attributes, one statement for each kind of rows and split, labels"
    )


async def test_an_agents_screen_costs_one_statement_more(desk: Desk) -> None:
    await fill(desk, 2)
    query = (OPERATIONS / "first-light.graphql").read_text()
    token = await desk.token("agent", agent="agent-0")
    await desk.data(query, WINDOW, token=token)
    async with counted(desk.database) as count:
        await desk.data(query, WINDOW, token=token)
    assert count.transactions == 2
