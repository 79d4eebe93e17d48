"""Figures of others as data: seeded, set, removed, each change noted; a tenant's own."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from backend.core.errors import Invalid, NotFound
from backend.interactions.models import audit_entry
from backend.metrics.authoring import Author
from backend.metrics.benchmarks import repository, service
from backend.metrics.benchmarks.baselines import LABEL
from backend.metrics.benchmarks.figures import Benchmark, Kind
from backend.metrics.catalogue import seed_catalogue
from tenants.database import TenantDatabase
from tests.backend.metrics.builders import START

ANN = Author("ann", START)
PEER = Benchmark(
    "csat", Kind.PEER_BEST, "同行同层优秀", Decimal("0.93"), Decimal("0.93"), valid_from=START.date()
)


async def listed(tenant: TenantDatabase) -> list[Benchmark]:
    async with tenant.read() as session:
        return await repository.list_benchmarks(session)


async def put(tenant: TenantDatabase, figure: Benchmark) -> Benchmark:
    async with tenant.write() as session:
        return await service.put(session, figure, ANN)


async def notes(tenant: TenantDatabase) -> list[Any]:
    c = audit_entry.c
    async with tenant.read() as session:
        return list(
            await session.execute(
                select(c.actor, c.action, c.subject, c.details).order_by(c.action, c.details["band"].astext)
            )
        )


async def test_a_tenant_starts_with_the_industrys_figures(acme: TenantDatabase) -> None:
    found = {(one.kpi, one.low, one.high, one.float_low, one.float_high) for one in await listed(acme)}
    assert found == {
        ("csat", Decimal("0.75"), Decimal("0.85"), Decimal("0.15"), Decimal("0.30")),
        ("first_response_time", Decimal(30), Decimal(60), Decimal("0.15"), Decimal("0.30")),
        ("resolution_rate", Decimal("0.80"), Decimal("0.90"), None, None),
    }
    assert {(one.kind, one.label, one.valid_from) for one in await listed(acme)} == {
        (Kind.INDUSTRY, LABEL, None)
    }


async def test_seeding_again_changes_no_figure_that_a_tenant_changed(acme: TenantDatabase) -> None:
    mine = Benchmark("csat", Kind.INDUSTRY, LABEL, Decimal("0.6"), Decimal("0.7"))
    await put(acme, mine)
    async with acme.write() as session:
        await seed_catalogue(session)
    assert [one for one in await listed(acme) if one.kpi == "csat"] == [mine]


async def test_a_figure_is_set_replaced_and_removed_and_each_is_noted(
    acme: TenantDatabase, globex: TenantDatabase
) -> None:
    before = await listed(acme)
    await put(acme, PEER)
    newer = replace(PEER, low=Decimal("0.95"), high=Decimal("0.95"))
    assert await put(acme, newer) == newer
    assert [one for one in await listed(acme) if one not in before] == [newer]
    assert PEER.label not in {one.label for one in await listed(globex)}
    async with acme.write() as session:
        assert await service.remove(session, "csat", Kind.PEER_BEST, PEER.label, ANN) == newer
    assert await listed(acme) == before
    assert [(one.actor, one.action, one.subject, one.details["band"]) for one in await notes(acme)] == [
        ("ann", "remove benchmark", "csat", ["0.95", "0.95"]),
        ("ann", "set benchmark", "csat", ["0.93", "0.93"]),
        ("ann", "set benchmark", "csat", ["0.95", "0.95"]),
    ]


async def test_what_is_not_there_cannot_be_removed(acme: TenantDatabase) -> None:
    async with acme.write() as session:
        with pytest.raises(NotFound):
            await service.remove(session, "csat", Kind.INDUSTRY, "of whom?", ANN)
    assert await notes(acme) == []


@pytest.mark.parametrize(
    ("said", "code", "step"),
    [
        ({"kpi": "cast"}, "KPI_UNKNOWN", "kpi"),
        ({"label": " "}, "KPI_TEXT_INVALID", "label"),
        ({"label": "a\nb"}, "KPI_TEXT_INVALID", "label"),
        ({"label": "x" * 101}, "KPI_TEXT_INVALID", "label"),
        ({"low": Decimal(2), "high": Decimal(1)}, "BAND_INVALID", "low"),
        ({"high": Decimal("Infinity")}, "BAND_INVALID", "low"),
        ({"float_low": Decimal("0.1")}, "BENCHMARK_FLOAT_INVALID", "float_low"),
        ({"float_high": Decimal("0.1")}, "BENCHMARK_FLOAT_INVALID", "float_low"),
        ({"float_low": Decimal("0.2"), "float_high": Decimal("0.1")}, "BENCHMARK_FLOAT_INVALID", "float_low"),
        ({"float_low": Decimal(0), "float_high": Decimal("1.1")}, "BENCHMARK_FLOAT_INVALID", "float_low"),
        ({"float_low": Decimal("NaN"), "float_high": Decimal(1)}, "BENCHMARK_FLOAT_INVALID", "float_low"),
    ],
)
async def test_a_figure_that_means_nothing_is_refused(
    acme: TenantDatabase, said: dict[str, Any], code: str, step: str
) -> None:
    before = await listed(acme)
    with pytest.raises(Invalid) as refusal:
        await put(acme, replace(PEER, **said))
    assert [(one.code, one.path) for one in refusal.value.problems] == [(code, (step,))]
    assert (await listed(acme), await notes(acme)) == (before, [])


async def test_a_tenant_keeps_so_many_and_may_still_replace(
    acme: TenantDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(acme, PEER)
    monkeypatch.setattr(service, "MOST_BENCHMARKS", len(await listed(acme)))
    with pytest.raises(Invalid) as refusal:
        await put(acme, replace(PEER, label="another"))
    assert refusal.value.code == "TOO_MANY_BENCHMARKS"
    await put(acme, replace(PEER, high=Decimal(1)))
