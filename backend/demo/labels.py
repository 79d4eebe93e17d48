"""What the numbers of a story are called: external ids, fact ids, instants."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from backend.demo.rhythm import Floats, Integers, utc_shift
from backend.demo.story import Story
from backend.interactions.identity import fact_id

SOURCE = "demo"

Row = tuple[Any, ...]  # a record without its line, id and source: the external id first


class Labels:
    """External ids by place (contacts, customers) and by number (agents); `ids` are fact ids of contacts."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.world = story.world
        started, prefix = story.arrivals.started, story.world.prefix
        self._shift = utc_shift(started, story.world.zone)
        self.contacts = [f"{prefix}-{number:06d}" for number in range(1, started.size + 1)]
        self.ids = [fact_id(SOURCE, key) for key in self.contacts]
        self.agents = [agent.key for agent in story.world.agents]
        self.customers = [f"{prefix}-c{number:05d}" for number in range(story.customers.pull.size)]

    def moments(self, values: Floats, contact: Integers, *, to_come: bool = False) -> list[datetime | None]:
        """Instants of wall-clock moments that belong to contacts; None for what has not happened yet, unless
        that may be `to_come`.

        All moments of a contact move by the offset at its start, so that daylight saving changes no duration.
        """
        past = to_come | (values < self.story.end)
        return _instants(np.where(past, values + self._shift[contact], np.nan))

    def days(self, values: Floats) -> list[datetime | None]:
        """Instants of wall-clock moments that belong to no contact; None for what has not happened yet."""
        past = np.isfinite(values) & (values < self.story.end)
        known = np.where(past, values, 0.0)
        return _instants(np.where(past, known + utc_shift(known, self.world.zone), np.nan))

    def agent_of(self, place: int) -> str | None:
        """Who took a contact, None when nobody did."""
        number = int(self.story.outcomes.agent[place])
        return self.agents[number] if number >= 0 else None

    def customer_of(self, place: int) -> str:
        """Whose contact it was."""
        return self.customers[int(self.story.arrivals.customer[place])]


def _instants(values: Floats) -> list[datetime | None]:
    return [None if value != value else instant(value) for value in values.tolist()]


def yes_or_no(value: int) -> bool | None:
    """1 and 0 as they are meant; anything else is not known."""
    return None if value not in (0, 1) else value == 1


def instant(milliseconds: float) -> datetime:
    """The instant so many ms after 1970 began in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def whole(values: Floats) -> list[int | None]:
    """Whole numbers; None for NaN."""
    return [None if value != value else int(value) for value in values.tolist()]
