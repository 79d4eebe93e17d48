"""Hands all questions of one operation to the evaluator together; opens no session for numbers."""

from __future__ import annotations

from collections import defaultdict

from strawberry.dataloader import DataLoader

from backend.core.errors import DomainError
from backend.metrics.evaluator import Evaluator
from backend.metrics.questions import Answer, Question, Restriction

Asked = tuple[Restriction, Question]
NumbersLoader = DataLoader[Asked, Answer]


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
