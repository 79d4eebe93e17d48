"""Whether the process lives, and whether it can serve."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backend.core.errors import DomainError
from backend.web.answers import json_answer
from backend.web.readiness import Readiness

CHECK_SECONDS = 3.0  # a probe that waits longer than this has its answer


def health_routes(readiness: Readiness) -> list[Route]:
    """`GET /live` and `GET /ready`; the latter answers 503 with the reasons when there are any, 200 with the
    warnings otherwise.
    """

    async def live(_request: Request) -> Response:
        return json_answer({"status": "live"})

    async def ready(_request: Request) -> Response:
        reasons, warnings = await _findings(readiness)
        if reasons:
            return json_answer({"status": "not ready", "reasons": reasons}, 503, {"retry-after": "1"})
        return json_answer({"status": "ready", "warnings": warnings})

    return [Route("/live", live), Route("/ready", ready)]


async def _findings(readiness: Readiness) -> tuple[list[str], list[str]]:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            reasons = await readiness.reasons()
            return reasons, [] if reasons else await readiness.warnings()
    except TimeoutError:
        return ["The database does not answer."], []
    except DomainError as error:
        return [error.message], []
