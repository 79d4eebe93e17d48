"""Two sets of facts for the built-in KPIs: one day small enough to count by hand, and a month at random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import Table, insert, update

from backend.interactions import models
from backend.interactions.derived import models as derived
from backend.interactions.identity import fact_id
from backend.schedules.models import schedule, schedule_assignment, schedule_version
from tests.backend.metrics.builders import START, WEEK, World, minutes_after, seconds

Row = dict[str, Any]


async def store(world: World, table: Table, *rows: Mapping[str, Any]) -> list[Row]:
    """Stores facts of any table; a column that a row does not name is missing."""
    empty = {column.name: None for column in table.c if column.nullable}
    added = []
    for at, row in enumerate(rows):
        origin = {"id": fact_id(table.name, str(at)), "source": table.name, "external_id": str(at)}
        added.append({**empty, **origin, **row})
    for row in added:
        row.pop("sync_run_id", None)
    async with world.tenant.write() as session:
        await session.execute(insert(table), added)
    return added


async def keep_hours(world: World) -> None:
    """Gives the tenant working hours: Monday to Friday from 9:00 to 14:30 and from 15:00 to 17:00, UTC."""
    hours = [
        [day * 1440 + begin, day * 1440 + end] for day in range(5) for begin, end in ((540, 870), (900, 1020))
    ]
    always = datetime(2026, 1, 1, tzinfo=UTC)
    version = {"schedule_key": "shop", "version": 1, "zone": "UTC", "hours": hours, "exceptions": {}}
    async with world.tenant.write() as session:
        await session.execute(insert(schedule).values(key="shop", name="Shop"))
        await session.execute(
            insert(schedule_version).values(**version, effective_from=always, created_by="ann")
        )
        owner = {"scope": "tenant", "scope_id": 0, "schedule_key": "shop"}
        await session.execute(
            insert(schedule_assignment).values(**owner, effective_from=always, created_by="ann")
        )


async def a_day_in_the_shop(world: World) -> None:
    """Monday, 2 February 2026, from 9:00: seven contacts that count and one that does not.

    A chat about a delivery, solved by Ann; B the same customer again; C a call that overlaps with B;
    D an abandoned call; E one abandoned at once; F a bot's chat; G a ticket that stays open.
    """
    await keep_hours(world)
    agents = await world.name(models.agent, "ann", "bob")
    issues = await world.name(models.issue_type, "delivery", "refund")
    c = await _customers(world)
    ann, bob = agents["ann"], agents["bob"]
    a, b, call, d, _, bot, ticket, _ = await world.interact(
        {
            "channel": "chat", "customer_id": c["c1"], "agent_id": ann, "issue_type_id": issues["delivery"],
            "queued_at": START, "accepted_at": minutes_after(1), "resolved_at": minutes_after(10),
            "first_response_at": minutes_after(4 / 3), "closed_at": minutes_after(10),
            "wait_time": seconds(60), "first_response_time": seconds(80), "handle_time": seconds(540),
            "resolution_time": seconds(600), "customer_messages": 3, "agent_messages": 1, "bot_messages": 1,
            "transfers": 0, "reopens": 0, "answered": True, "abandoned": False, "resolved": True,
            "resolved_on_first_contact": True, "escalated": False, "converted": True, "sentiment": 500,
            "at_risk": False, "segment": "vip",
        },
        {
            "channel": "chat", "customer_id": c["c1"], "agent_id": ann, "issue_type_id": issues["delivery"],
            "started_at": minutes_after(60), "queued_at": minutes_after(60), "accepted_at": minutes_after(361 / 6),
            "first_response_at": minutes_after(181 / 3), "resolved_at": minutes_after(80),
            "closed_at": minutes_after(80), "wait_time": seconds(10), "first_response_time": seconds(20),
            "handle_time": seconds(1190), "resolution_time": seconds(1200), "customer_messages": 2,
            "agent_messages": 4, "bot_messages": 0, "transfers": 1, "reopens": 1, "answered": True,
            "abandoned": False, "resolved": True, "resolved_on_first_contact": False, "escalated": True,
            "converted": False, "sentiment": -500, "at_risk": True,
        },
        {
            "channel": "call", "customer_id": c["c2"], "agent_id": ann, "issue_type_id": issues["refund"],
            "started_at": minutes_after(70), "queued_at": minutes_after(70), "accepted_at": minutes_after(70.25),
            "first_response_at": minutes_after(70.25), "closed_at": minutes_after(80), "wait_time": seconds(15),
            "first_response_time": seconds(15), "handle_time": seconds(420), "talk_time": seconds(300),
            "hold_time": seconds(60), "wrap_up_time": seconds(60), "silence_time": seconds(100),
            "customer_messages": 0, "agent_messages": 0, "answered": True, "abandoned": False,
            "resolved": False, "resolved_on_first_contact": False, "escalated": False, "sentiment": -1000,
            "at_risk": True,
        },
        {
            "channel": "call", "customer_id": c["c3"], "started_at": minutes_after(180),
            "queued_at": minutes_after(180), "closed_at": minutes_after(542 / 3), "wait_time": seconds(40),
            "answered": False, "abandoned": True,
        },
        {
            "channel": "call", "customer_id": c["c4"], "started_at": minutes_after(181),
            "queued_at": minutes_after(181), "closed_at": minutes_after(181.05), "wait_time": seconds(3),
            "answered": False, "abandoned": True,
        },
        {
            "channel": "bot", "customer_id": c["c5"], "started_at": minutes_after(200), "answered": False,
            "resolved_at": minutes_after(205), "closed_at": minutes_after(205), "resolution_time": seconds(300),
            "customer_messages": 3, "agent_messages": 0, "bot_messages": 4, "resolved": True,
        },
        {
            "channel": "ticket", "customer_id": c["c6"], "agent_id": bob, "started_at": minutes_after(300),
            "accepted_at": minutes_after(310), "first_response_at": minutes_after(360),
            "wait_time": seconds(600), "first_response_time": seconds(3600), "customer_messages": 2,
            "agent_messages": 1, "transfers": 0, "answered": True, "abandoned": False, "resolved": False,
            "at_risk": True,
        },
        {"customer_id": c["c1"], "answered": True, "resolved": True, "exclusion": "test"},
    )  # fmt: skip
    a_id, b_id, call_id, d_id, ticket_id = (one["id"] for one in (a, b, call, d, ticket))
    await _surveys(world, a_id, b_id, call_id, d_id)
    await store(
        world, models.qa_review,
        *[
            {"interaction_id": of, "reviewer": by, "score": score * 1000, "passed": passed,
             "reviewed_at": minutes_after(500 + at)}
            for at, (of, by, score, passed) in enumerate(
                ((a_id, "q1", 90, True), (a_id, "q2", 80, True), (b_id, "q1", 40, False), (b_id, "q2", 50, False))
            )
        ],
    )  # fmt: skip
    await store(
        world, models.order,
        {"customer_id": c["c1"], "agent_id": ann, "amount": 10_000, "margin": 3000, "currency": "USD",
         "ordered_at": minutes_after(30), "paid_at": minutes_after(30)},
        {"customer_id": c["c1"], "agent_id": ann, "amount": 5000, "refunded": 2000, "margin": 1000,
         "currency": "USD", "ordered_at": minutes_after(100), "paid_at": minutes_after(100)},
        {"customer_id": c["c5"], "amount": 8000, "currency": "USD", "ordered_at": minutes_after(90)},
        {"customer_id": c["c2"], "amount": 6000, "margin": 2000, "currency": "USD",
         "ordered_at": minutes_after(110), "paid_at": minutes_after(110)},
    )  # fmt: skip
    await store(
        world, models.agent_activity,
        *[
            {"agent_id": ann, "state": state, "started_at": START, "duration": seconds(hours * 3600),
             "cost": 16_000 if state == "scheduled" else None, "currency": "USD"}
            for state, hours in (("scheduled", 8), ("available", 3), ("busy", 4), ("away", 1))
        ],
    )  # fmt: skip
    await store(
        world, models.article_view,
        {"article": "a1", "interaction_id": a_id, "viewed_at": minutes_after(2)},
        {"article": "a1", "customer_id": c["c6"], "viewed_at": minutes_after(400)},
    )  # fmt: skip
    await store(
        world, models.sla_instance,
        {"metric": "first_response", "applied_at": START, "due_at": minutes_after(2), "achieved_at": minutes_after(1)},
        {"metric": "first_response", "applied_at": START, "due_at": minutes_after(2), "achieved_at": minutes_after(3)},
        {"metric": "resolution", "applied_at": START, "due_at": minutes_after(600)},
        {"metric": "resolution", "applied_at": START},
    )  # fmt: skip
    await _turns_and_cycles(world, a_id, b_id, bot["id"], ticket_id, bob=bob, ann=ann)


async def _customers(world: World) -> dict[str, int]:
    ids = await world.name(models.customer, "c1", "c2", "c3", "c4", "c5", "c6")
    january = datetime(2026, 1, 1, tzinfo=UTC)
    told: dict[str, Row] = {
        "c1": {"joined_at": january, "at_risk": False},
        "c2": {"joined_at": january, "lost_at": datetime(2026, 2, 5, tzinfo=UTC)},
        "c3": {"joined_at": datetime(2026, 2, 3, tzinfo=UTC), "at_risk": False},
        "c5": {"joined_at": january + timedelta(days=9), "at_risk": False},
        "c6": {"joined_at": january + timedelta(days=14), "at_risk": True},
    }
    async with world.tenant.write() as session:
        for name, values in told.items():
            table = models.customer
            await session.execute(update(table).where(table.c.id == ids[name]).values(**values))
    return ids


async def _surveys(world: World, a: Any, b: Any, call: Any, d: Any) -> None:
    at = minutes_after(500)
    csat = {"kind": "csat", "scale_min": 1000, "scale_max": 5000}
    nps = {"kind": "nps", "scale_min": 0, "scale_max": 10_000, "responded_at": at}
    ces = {"kind": "ces", "scale_min": 1000, "scale_max": 7000, "responded_at": at}
    answered = {**csat, "invited_at": START, "responded_at": at}
    await store(
        world, models.survey_response,
        {**answered, "interaction_id": a, "score": 5000, "solved": True, "comment": "great"},
        {**answered, "interaction_id": b, "score": 2000, "solved": False, "cause": "attitude",
         "comment": "too slow", "called_back_at": at},
        {**answered, "interaction_id": call, "score": 1000},
        {**answered, "score": 4000},
        {**csat, "interaction_id": d, "invited_at": START},
        *[{**nps, "score": score * 1000} for score in (10, 9, 7, 3)],
        *[{**ces, "score": score * 1000} for score in (7, 5, 3)],
    )  # fmt: skip


async def _turns_and_cycles(
    world: World, a: Any, b: Any, bot: Any, ticket: Any, *, ann: int, bob: int
) -> None:
    def turn(of: Any, position: int, start: float, wait: float | None, agent: int | None) -> Row:
        begun = minutes_after(start)
        return {
            "interaction_id": of, "position": position, "messages": 1, "started_at": begun, "agent_id": agent,
            "wait": None if wait is None else seconds(wait),
            "replied_at": None if wait is None else begun + timedelta(seconds=wait),
        }  # fmt: skip

    await store(
        world, derived.interaction_turn,
        turn(a, 1, 0, 80, ann), turn(a, 2, 5, 40, ann), turn(b, 1, 60, 20, ann),
        turn(ticket, 1, 300, 3600, bob), turn(ticket, 2, 370, None, None), turn(bot, 1, 200, None, None),
    )  # fmt: skip
    await store(
        world, derived.interaction_cycle,
        {"id": a, "interaction_id": a, "position": 1, "opened_at": START, "solved_at": minutes_after(10),
         "duration": seconds(600)},
        {"id": b, "interaction_id": b, "position": 1, "opened_at": minutes_after(60), "solved_at": minutes_after(65),
         "duration": seconds(300)},
        {"interaction_id": b, "position": 2, "opened_at": minutes_after(70), "solved_at": minutes_after(80),
         "duration": seconds(600)},
    )  # fmt: skip


# a month at random

_DURATIONS = (*models.DURATIONS,)


async def a_random_month(world: World, seed: int, count: int = 300) -> None:
    """Facts of every kind around WEEK, with everything in them that a number may leave out."""
    await keep_hours(world)
    dice = Random(seed)
    rows = _Dice(dice)
    agents = list((await world.name(models.agent, "ann", "bob", "cy")).values())
    issues = list((await world.name(models.issue_type, "delivery", "refund")).values())
    customers = list((await world.name(models.customer, *(f"c{at}" for at in range(40)))).values())
    async with world.tenant.write() as session:
        for one in customers:
            joined = rows.some(rows.moment(-90, 10), 0.9)
            told = {"joined_at": joined, "at_risk": rows.some(dice.random() < 0.3)}
            told["lost_at"] = (
                rows.some(joined + timedelta(days=dice.randrange(1, 90)), 0.4) if joined else None
            )
            table = models.customer
            await session.execute(update(table).where(table.c.id == one).values(**told))
    made = await world.interact(*[rows.interaction(agents, issues, customers) for _ in range(count)])
    ids = [one["id"] for one in made]
    await store(world, models.survey_response, *[rows.survey(ids, agents, customers) for _ in range(count)])
    await store(
        world, models.qa_review,
        *[
            {"interaction_id": rows.some(dice.choice(ids[:60]), 0.9), "reviewer": dice.choice(["q1", "q2", "q3"]),
             "score": rows.some(dice.randrange(100_000)), "passed": rows.some(dice.random() < 0.5),
             "reviewed_at": rows.moment(-3, 10), "exclusion": rows.some("calibration", 0.1)}
            for _ in range(count // 2)
        ],
    )  # fmt: skip
    await store(world, models.order, *[rows.order(agents, customers) for _ in range(count)])
    states = ("scheduled", "available", "busy", "away")
    await store(
        world, models.agent_activity,
        *[
            {"agent_id": dice.choice(agents), "state": dice.choice(states), "started_at": rows.moment(-3, 10),
             "duration": rows.some(dice.randrange(1, 40_000_000)), "cost": rows.some(dice.randrange(50_000)),
             "currency": dice.choice(["USD", "USD", "EUR"])}
            for _ in range(count)
        ],
    )  # fmt: skip
    await store(
        world, models.article_view,
        *[
            {"article": "a1", "interaction_id": rows.some(dice.choice(ids), 0.6),
             "customer_id": rows.some(dice.choice(customers), 0.4), "viewed_at": rows.moment(-3, 10)}
            for _ in range(count // 2)
        ],
    )  # fmt: skip
    await store(
        world, models.sla_instance,
        *[
            {"metric": "resolution", "applied_at": rows.moment(-3, 6), "due_at": rows.some(rows.moment(-1, 40)),
             "achieved_at": rows.some(rows.moment(-1, 20), 0.6), "interaction_id": rows.some(dice.choice(ids)),
             "exclusion": rows.some("test", 0.1)}
            for _ in range(count)
        ],
    )  # fmt: skip
    await store(world, derived.interaction_turn, *[rows.turn(ids, agents) for _ in range(count)])
    await store(
        world,
        derived.interaction_cycle,
        *[row for one in ids[: count // 2] for row in rows.cycles(one, agents)],
    )


class _Dice:
    """Random rows; whatever may be missing sometimes is."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice

    def some(self, value: Any, often: float = 0.8) -> Any:
        return value if self._dice.random() < often else None

    def moment(self, first_day: int, last_day: int) -> datetime:
        return WEEK.start + timedelta(seconds=self._dice.randrange(first_day * 86_400, last_day * 86_400))

    def interaction(self, agents: Sequence[int], issues: Sequence[int], customers: Sequence[int]) -> Row:
        dice, some = self._dice, self.some
        started = self.moment(-10, 20)
        accepted = started + timedelta(seconds=dice.randrange(0, 900))
        closed = accepted + timedelta(seconds=dice.randrange(60, 300_000))
        row: Row = {name: some(dice.randrange(0, 90_000)) for name in _DURATIONS}
        row |= {name: some(dice.random() < 0.6) for name in models.OUTCOMES}
        return row | {
            "channel": dice.choice(["chat", "call", "ticket", "bot"]), "started_at": started,
            "queued_at": some(started + timedelta(seconds=5), 0.7), "accepted_at": some(accepted, 0.7),
            "first_response_at": some(accepted, 0.7), "resolved_at": some(closed, 0.5), "closed_at": some(closed, 0.6),
            "customer_messages": some(dice.randrange(4)), "agent_messages": some(dice.randrange(4)),
            "bot_messages": some(dice.randrange(2)), "transfers": some(dice.randrange(3)),
            "reopens": some(dice.randrange(2)), "agent_id": some(dice.choice(agents)),
            "customer_id": some(dice.choice(customers)), "issue_type_id": some(dice.choice(issues)),
            "sentiment": some(dice.randrange(-1000, 1001)), "at_risk": some(dice.random() < 0.4),
            "segment": some(dice.choice(["vip", "new"])), "exclusion": some("spam", 0.1),
        }  # fmt: skip

    def survey(self, ids: Sequence[Any], agents: Sequence[int], customers: Sequence[int]) -> Row:
        dice, some = self._dice, self.some
        kind, low, high = dice.choice([("csat", 1, 5), ("csat", 1, 5), ("nps", 0, 10), ("ces", 1, 7)])
        return {
            "kind": kind, "scale_min": 1000 * low, "scale_max": 1000 * high,
            "score": some(1000 * dice.randint(low, high)), "interaction_id": some(dice.choice(ids)),
            "invited_at": some(self.moment(-3, 10)), "responded_at": some(self.moment(-3, 10)),
            "agent_id": some(dice.choice(agents), 0.3), "customer_id": some(dice.choice(customers), 0.3),
            "comment": some(dice.choice(["too slow", "太慢了", "fine"])), "cause": some("attitude", 0.5),
            "solved": some(dice.random() < 0.7), "called_back_at": some(self.moment(0, 12), 0.5),
            "exclusion": some("staff", 0.1),
        }  # fmt: skip

    def order(self, agents: Sequence[int], customers: Sequence[int]) -> Row:
        dice, some = self._dice, self.some
        return {
            "amount": dice.randrange(1, 90_000), "refunded": some(dice.randrange(500), 0.3),
            "margin": some(dice.randrange(9000)), "customer_id": some(dice.choice(customers)),
            "agent_id": some(dice.choice(agents)), "currency": dice.choice(["USD", "USD", "EUR"]),
            "ordered_at": self.moment(-3, 15), "paid_at": some(self.moment(-3, 15)),
            "exclusion": some("test", 0.1),
        }  # fmt: skip

    def turn(self, ids: Sequence[Any], agents: Sequence[int]) -> Row:
        dice = self._dice
        begun, wait = self.moment(-3, 10), dice.randrange(0, 400_000)
        replied = dice.random() < 0.8
        return {
            "interaction_id": dice.choice(ids), "position": dice.randint(1, 3), "messages": 1,
            "started_at": begun, "wait": wait if replied else None,
            "replied_at": begun + timedelta(milliseconds=wait) if replied else None,
            "agent_id": dice.choice(agents) if replied else None,
        }  # fmt: skip

    def cycles(self, interaction: Any, agents: Sequence[int]) -> list[Row]:
        """One or two; the first has its interaction's id."""
        first, second = self.cycle(interaction, agents), self.cycle(interaction, agents)
        both = [first | {"id": interaction, "position": 1}, second | {"position": 2}]
        return both if self._dice.random() < 0.4 else both[:1]

    def cycle(self, interaction: Any, agents: Sequence[int]) -> Row:
        dice = self._dice
        opened, span = self.moment(-3, 10), dice.randrange(0, 200_000_000)
        solved = dice.random() < 0.7
        return {
            "interaction_id": interaction, "opened_at": opened,
            "solved_at": opened + timedelta(milliseconds=span) if solved else None,
            "duration": span if solved else None, "agent_id": dice.choice(agents) if solved else None,
        }  # fmt: skip
