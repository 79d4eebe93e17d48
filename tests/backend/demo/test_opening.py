"""The demo's opening hours: there once, and left alone after that."""

from datetime import UTC, datetime, timedelta

from backend.demo.opening import ensure_opening_hours
from backend.demo.world import ALDER, LUMEN
from backend.metrics.evaluator import Evaluator
from tests.backend.metrics.builders import START, World, asked


async def test_the_desk_is_open_from_eight_to_ten(acme):
    now = datetime(2026, 3, 2, tzinfo=UTC)
    await ensure_opening_hours(acme, LUMEN, now)
    await ensure_opening_hours(acme, ALDER, now)
    world = World(acme, Evaluator(acme, lambda: now))
    await world.interact({"resolved_at": START + timedelta(days=2)})
    answer = await world.ask("avg(business(resolution_time))", "count()")
    assert [cell.value for cell in answer.totals] == [2 * 14 * 3600, 1]
    [proof] = await world.evaluator.prove(asked("avg(business(resolution_time))"))
    assert [(one.key, one.version) for one in proof.schedules] == [("desk", 1)]
