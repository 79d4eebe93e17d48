"""A kept answer is given while nothing has changed, to those who may see it, and never else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
import strawberry
from sqlalchemy import delete, update

from backend.app import create_authenticator
from backend.auth.memberships import grant_membership
from backend.auth.scope import Scope
from backend.interactions import models
from schema.caching.answers import Answers
from schema.caching.service import Asking, Service
from schema.context import Context
from schema.execution import Executor
from schema.guard.body import RequestBody
from schema.locale import Locale
from tenants.database import Database, TenantDatabase
from tenants.tables import membership
from tenants.tables import tenant as tenant_table
from tests.canaries import CANARY
from tests.conftest import Place, StandingClock
from tests.schema.caching.asking import COUNT, ask, write
from tests.schema.desk import Desk, opened
from tests.statements import counted


async def test_the_same_question_is_answered_from_memory_after_one_look(desk: Desk) -> None:
    await write(desk, {}, {})
    token = await desk.token("viewer")
    first = await ask(desk, token=token)
    assert (first.total, first.cached) == (2, False)
    async with counted(desk.database) as count:
        second = await ask(desk, token=token)
    assert (second.answer, second.versions) == (first.answer, first.versions)
    assert (second.cached, second.age, count.transactions, count.statements) == (True, 0, 1, 1)
    assert not (await ask(desk, variables={"formula": "count() * 2"}, token=token)).cached
    plain = await desk.post({"query": COUNT}, token=token)
    assert (plain.json(), plain.headers["age"]) == ({"data": first.answer["data"]}, "0")


async def test_what_is_written_is_in_the_next_answer(desk: Desk) -> None:
    await write(desk, {})
    for rows in range(1, 4):
        asked = await ask(desk)
        assert (asked.total, asked.cached) == (rows, False)
        assert (await ask(desk)).cached
        await write(desk, {})


@asynccontextmanager
async def another_process(desk: Desk, place: Place, clock: Callable[[], datetime]) -> AsyncIterator[Desk]:
    """The application once more, with a pool and a memory of its own, on the same database."""
    database = Database.connect(place.app_url, pool_size=2)
    try:
        async with opened(database, database.of(desk.world.tenant.tenant), clock) as other:
            yield other
    finally:
        await database.close()


IMPORT = "mutation ($input: ImportRecordsInput!) { importRecords(input: $input) { written } }"


async def test_what_one_process_writes_is_in_the_next_answer_of_another(
    desk: Desk, place: Place, clock: Callable[[], datetime]
) -> None:
    async with another_process(desk, place, clock) as other:
        for rows in range(1, 6):
            call = {"externalId": f"c-{rows}", "channel": "call", "started": "2026-02-02T09:00:00Z"}
            writer = desk if rows % 2 else other
            data = await writer.data(IMPORT, {"input": {"source": "crm", "interactions": [call]}})
            assert data["importRecords"]["written"] == 1
            for one in (other, desk):
                assert (await ask(one)).total == rows
                assert (await ask(one)).cached


async def test_a_new_name_is_in_the_next_answer(desk: Desk) -> None:
    ids = await desk.world.name(models.agent, "ann")
    await write(desk, {"agent_id": ids["ann"]})
    variables = {"by": ["agent"]}
    assert "Ann" in str((await ask(desk, variables=variables)).answer)
    assert (await ask(desk, variables=variables)).cached
    async with desk.world.tenant.write() as session:
        await session.execute(update(models.agent).values(name="Anna"))
    renamed = await ask(desk, variables=variables)
    assert ("Anna" in str(renamed.answer), renamed.cached) == (True, False)


REVISE = """mutation ($formula: String!, $version: Int!) {
  reviseKpi(input: {key: "contacts_offered", formula: $formula, version: $version}) { problems { message } } }"""
OFFERED = """{ kpis(first: 200) { nodes { key formula } }
  kpiValues(input: {keys: ["contacts_offered"]}) { answer { series { kpi { formula } total { value } } } } }"""


async def test_a_revised_kpi_is_in_the_next_answer(desk: Desk) -> None:
    await write(desk, {}, {"channel": "call"})
    before = await ask(desk, OFFERED)
    assert (await ask(desk, OFFERED)).cached
    admin = await desk.token("admin")
    revised = await desk.data(
        REVISE, {"formula": 'count() where channel = "call"', "version": 1}, token=admin
    )
    assert revised["reviseKpi"]["problems"] == []
    after = await ask(desk, OFFERED)
    assert (before.total, after.total, after.cached) == (2, 1, False)
    assert [kpi for kpi in after.answer["data"]["kpis"]["nodes"] if kpi["key"] == "contacts_offered"] == [
        {"key": "contacts_offered", "formula": 'count() where channel = "call"'}
    ]


async def test_another_zone_is_in_the_next_answer(desk: Desk, admin: Any, clock: StandingClock) -> None:
    await write(desk, {})
    query = '{ kpiValues(input: {keys: ["contacts_offered"]}) { answer { zone } } tenant { zone } }'
    before = await ask(desk, query)
    assert (await ask(desk, query)).cached
    async with admin.transaction() as connection:
        change = update(tenant_table).where(tenant_table.c.slug == "acme").values(zone="Asia/Shanghai")
        await connection.execute(change)
    clock.advance(seconds=6)  # a membership is believed so long
    after = await ask(desk, query, staleness=3_600)
    assert (before.answer["data"]["tenant"], after.answer["data"]["tenant"]) == (
        {"zone": "UTC"},
        {"zone": "Asia/Shanghai"},
    )


async def test_a_new_day_is_a_new_question(desk: Desk, clock: StandingClock) -> None:
    await write(desk, {})
    await ask(desk)
    clock.advance(hours=11)
    assert (await ask(desk)).cached
    clock.advance(hours=1)  # midnight, by the tenant's clock
    assert not (await ask(desk, staleness=86_400)).cached


async def test_nothing_kept_crosses_to_another_tenant(desk: Desk) -> None:
    query = "{ kpis(first: 200) { nodes { key name description } } benchmarks { nodes { label } } }"
    theirs = await ask(desk, query, token=await desk.token("manager", "globex"))
    assert CANARY in str(theirs.answer)
    ours = await ask(desk, query, staleness=3_600)
    assert (ours.cached, CANARY in str(ours.answer)) == (False, False)
    for tenant, answer in (("acme", ours.answer), ("globex", theirs.answer)):
        again = await ask(desk, query, staleness=3_600, token=await desk.token("manager", tenant))
        assert (again.cached, again.answer) == (True, answer)


async def test_nothing_kept_crosses_to_another_audience(desk: Desk, clock: StandingClock) -> None:
    ids = await desk.world.name(models.agent, "ann", "bob")
    await write(desk, *[{"agent_id": ids["ann"]}] * 2, *[{"agent_id": ids["bob"]}] * 3)
    for round_ in range(2):
        for role, scopes in (("manager", ()), ("viewer", ()), ("partner", ("kpi:read",))):
            asked = await ask(desk, token=await desk.token(role, scopes=scopes), staleness=3_600)
            assert (asked.total, asked.cached) == (5, bool(round_)), role
        for agent, total in (("ann", 2), ("bob", 3)):
            asked = await ask(desk, token=await agent_token(desk, agent), staleness=3_600)
            assert (asked.total, asked.cached) == (total, bool(round_)), agent
    clock.advance(seconds=6)  # a membership is believed so long
    refused = await desk.answer(COUNT, token=await desk.token("partner", scopes=("ingest:write",)))
    assert refused["errors"][0]["extensions"]["code"] == "SCOPE_MISSING"


async def agent_token(desk: Desk, agent: str) -> str:
    """A token of a person of their own for each agent."""
    tenant = desk.world.tenant.tenant
    async with desk.database.control() as session:
        await grant_membership(session, tenant, f"{agent}@home", "agent", agent=agent)
    return desk.signer.sign(f"{agent}@home", tenant.id)


async def test_nothing_kept_crosses_to_another_language(desk: Desk) -> None:
    query = '{ kpiValues(input: {keys: ["csat"]}) { answer { series { kpi { name } } } } }'
    names: dict[str, str] = {}
    for language in ("en", "zh", "en", "zh"):
        asked = await ask(desk, query, headers={"accept-language": language}, staleness=3_600)
        name = asked.answer["data"]["kpiValues"]["answer"]["series"][0]["kpi"]["name"]
        assert names.setdefault(language, name) == name
    assert names["en"] != names["zh"]


@pytest.mark.parametrize(
    "query",
    [
        "{ viewer { subject } kpis { totalCount } }",
        "{ ...A } fragment A on Query { kpis { totalCount } ... on Query { viewer { subject } } }",
        "{ interactions { nodes { id } } }",
        "{ __typename }",
        "{ tenant { name } }",
        "{ kpis { nodes { key history { createdBy } } } }",
        '{ checkFormula(formula: "count()") { canonical } }',
    ],
)
async def test_what_rests_on_the_caller_or_fails_is_not_kept(desk: Desk, query: str) -> None:
    token = await desk.token("viewer")  # who may not see a history: that is an error
    for _ in range(2):
        assert not (await ask(desk, query, token=token, staleness=3_600)).cached


async def test_problems_are_kept_like_any_answer(desk: Desk) -> None:
    variables = {"formula": "sum(nothing)"}
    first = await ask(desk, variables=variables)
    assert first.answer["data"]["kpiValues"]["problems"][0]["code"]
    second = await ask(desk, variables=variables)
    assert (second.cached, second.answer) == (True, first.answer)


async def test_older_data_may_be_had_for_less(desk: Desk, clock: StandingClock) -> None:
    await write(desk, {})
    token = await desk.token("viewer")
    await ask(desk, token=token)
    await write(desk, {})
    clock.advance(seconds=4)
    async with counted(desk.database) as count:
        asked = await ask(desk, token=token, staleness=4)
    assert (asked.total, asked.cached, asked.age, count.transactions) == (1, True, 4, 0)
    response = await desk.post({"query": COUNT, "extensions": {"maxStaleness": 60}}, token=token)
    assert response.headers["age"] == "4"
    assert (await ask(desk, token=token, staleness=3.9)).total == 2
    assert (await ask(desk, token=token, staleness=60)).total == 2


async def test_older_data_is_not_for_those_who_are_gone(desk: Desk, clock: StandingClock) -> None:
    token = await desk.token("viewer")
    await ask(desk, token=token)
    async with desk.database.control() as session:
        await session.execute(delete(membership))
    clock.advance(seconds=6)
    body = {"query": COUNT, "extensions": {"maxStaleness": 3_600}}
    assert (await desk.post(body, token=token)).status_code == 401


@pytest.mark.parametrize("given", [-1, 86_401, "60", True, [60], {"seconds": 60}])
async def test_a_staleness_that_is_none_is_refused(desk: Desk, given: Any) -> None:
    response = await desk.post({"query": COUNT, "extensions": {"maxStaleness": given}})
    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")


async def test_whoever_wants_no_memory_gets_none(desk: Desk) -> None:
    token = await desk.token("viewer")
    await ask(desk, token=token)
    headers = {"cache-control": "no-cache"}
    async with counted(desk.database) as count:
        response = await desk.post({"query": COUNT}, token=token, headers=headers)
        anew = count.statements
        asked = await ask(desk, token=token, headers=headers, staleness=3_600)
    assert ("age" in response.headers, asked.cached) == (False, False)
    assert anew > 1


async def test_no_room_means_no_memory(
    database: Database, acme: TenantDatabase, clock: Callable[[], datetime]
) -> None:
    async with opened(database, acme, clock, response_cache_mb=0) as desk:
        for _ in range(2):
            assert not (await ask(desk)).cached
            assert "age" not in (await desk.post({"query": COUNT})).headers


@strawberry.type
class Moment:
    at: str


@strawberry.type
class Query:
    @strawberry.field
    def kpis(self, info: strawberry.Info[Context, None], volatile: bool) -> Moment:
        info.context.volatile |= volatile
        return Moment(at=info.context.clock().isoformat())


@pytest.mark.parametrize("volatile", [True, False])
async def test_what_hangs_on_the_instant_is_worked_out_each_time(
    desk: Desk, clock: StandingClock, volatile: bool
) -> None:
    executor = Executor(strawberry.Schema(Query))
    service = Service(executor, Answers(1_000_000, clock), clock, "release")
    scope = await scope_of(desk, clock)
    request = RequestBody(
        "query ($volatile: Boolean!) { kpis(volatile: $volatile) { at } }", variables={"volatile": volatile}
    )
    moments = []
    for _ in range(2):
        context = Context(scope, clock, Locale.EN, "request")
        operation = executor.find(request, scope.tenant.id, "request")
        reply = await service.answer(Asking(operation, request, context, "application/json"))
        moments.append(reply.served.data)
        clock.advance(seconds=1)
    assert (moments[0] == moments[1]) is not volatile


async def scope_of(desk: Desk, clock: StandingClock) -> Scope:
    """The scope of a viewer."""
    authenticator = create_authenticator(desk.settings, desk.database, clock)
    return await authenticator.scope(await desk.token("viewer"))
