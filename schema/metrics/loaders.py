"""Hands all questions of one operation to the evaluator together, which opens the session for numbers; and the
histories of definitions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from strawberry.dataloader import DataLoader

from backend.core.errors import DomainError
from backend.metrics import repository
from backend.metrics.evaluator import Evaluator
from backend.metrics.kpi import KpiVersion
from backend.metrics.questions import Answer, Question, Restriction
from tenants.database import ReadSession

Asked = tuple[Restriction, Question]
NumbersLoader = DataLoader[Asked, Answer]
VersionsLoader = DataLoader[str, list[KpiVersion]]
Reading = Callable[[], AbstractAsyncContextManager[ReadSession]]

MOST_VERSIONS = 100  # of one KPI's history


def numbers_loader(evaluator: Evaluator) -> NumbersLoader:
    """A loader whose batch is one `evaluator.answer` for each restriction: one for all but agents who ask for
    both their own and their team's.
    """

    async def load(asked: list[Asked]) -> list[Answer | DomainError]:
        groups: dict[Restriction, list[int]] = defaultdict(list)
        for place, (restriction, _) in enumerate(asked):
            groups[restriction].append(place)
        answers: dict[int, Answer | DomainError] = {}
        for restriction, places in groups.items():
            found = await evaluator.answer([asked[place][1] for place in places], restriction=restriction)
            answers.update(zip(places, found, strict=True))
        return [answers[place] for place in range(len(asked))]

    return DataLoader(load_fn=load)


def versions_loader(reading: Reading) -> VersionsLoader:
    """The versions of a KPI by its key, newest first."""

    async def load(keys: list[str]) -> list[list[KpiVersion]]:
        async with reading() as session:
            found = await repository.versions_by_key(session, keys, MOST_VERSIONS)
        return [found[key] for key in keys]

    return DataLoader(load_fn=load)
