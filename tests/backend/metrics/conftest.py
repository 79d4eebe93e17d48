"""The world that tests of numbers ask about: acme with the built-in KPIs, beside globex full of canaries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
import pytest_asyncio

from backend.metrics.catalogue import seed_catalogue
from backend.metrics.evaluator import Evaluator
from tenants.database import TenantDatabase
from tests.backend.metrics.authors import Ann
from tests.backend.metrics.builders import World
from tests.backend.metrics.crediting import Hands, many_hands


@pytest_asyncio.fixture
async def world(acme: TenantDatabase, globex: TenantDatabase, clock: Callable[[], datetime]) -> World:
    """Acme without any fact yet, and an evaluator on it."""
    async with acme.write() as session:
        await seed_catalogue(session)
    return World(acme, Evaluator(acme, clock))


@pytest_asyncio.fixture
async def hands(world: World, globex: TenantDatabase) -> Hands:
    """Acme with a week of interactions that several agents took part in."""
    return await many_hands(world, globex)


@pytest.fixture
def ann(acme: TenantDatabase, globex: TenantDatabase) -> Ann:
    """Someone who changes acme's definitions; globex stands beside it, full of canaries."""
    return Ann(acme)
