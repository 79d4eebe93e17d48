"""Which interactions are asked for."""

from __future__ import annotations

from datetime import date, datetime

import strawberry

from backend.core.windows import at_zone
from backend.interactions.repository import InteractionFilter
from schema.guard.limits import check
from schema.interactions.types import Channel
from schema.scalars import LocalMoment


@strawberry.input(description="A span of time, from `from` until just before `to`.")
class WindowInput:
    from_: LocalMoment = strawberry.field(name="from", description="The first moment that belongs to it.")
    to: LocalMoment = strawberry.field(description="The first moment that no longer belongs to it.")


_KEYS = "At most 200 external ids, any of which may match."


@strawberry.input(
    name="InteractionFilter",
    description="Conditions that all have to hold. One that is left out or null holds for every interaction.",
)
class InteractionFilterInput:
    window: WindowInput | None = strawberry.field(default=None, description="When the interaction started.")
    channels: list[Channel] | None = strawberry.field(default=None, description="Any of these channels.")
    sources: list[str] | None = strawberry.field(
        default=None, description="Any of these sources, by name; at most 200."
    )
    external_ids: list[str] | None = strawberry.field(default=None, description=_KEYS)
    agents: list[str] | None = strawberry.field(default=None, description=f"Who served it. {_KEYS}")
    teams: list[str] | None = strawberry.field(default=None, description=f"The team that served it. {_KEYS}")
    queues: list[str] | None = strawberry.field(default=None, description=f"The queue it waited in. {_KEYS}")
    customers: list[str] | None = strawberry.field(default=None, description=f"Who made the contact. {_KEYS}")
    issue_types: list[str] | None = strawberry.field(default=None, description=f"What it was about. {_KEYS}")
    answered: bool | None = strawberry.field(default=None, description="Whether a person took it.")
    abandoned: bool | None = strawberry.field(
        default=None, description="Whether the customer left before that."
    )
    resolved: bool | None = strawberry.field(default=None, description="Whether it was solved.")
    excluded: bool | None = strawberry.field(
        default=None, description="Whether it is left out of all counts."
    )

    def to_filter(self, zone: str) -> InteractionFilter:
        """The filter with its window as instants.

        Raises LimitExceeded when a list is too long.
        """
        lists = {name: getattr(self, name) for name in _LISTS}
        for values in lists.values():
            check("filter_values", len(values or ()))
        channels = None if self.channels is None else [channel.name.lower() for channel in self.channels]
        check("filter_values", len(channels or ()))
        return InteractionFilter(
            start=_instant(self.window.from_, zone) if self.window else None,
            end=_instant(self.window.to, zone) if self.window else None,
            channels=channels,
            answered=self.answered,
            abandoned=self.abandoned,
            resolved=self.resolved,
            excluded=self.excluded,
            **lists,
        )


_LISTS = ("sources", "external_ids", "agents", "teams", "queues", "customers", "issue_types")


def _instant(moment: date | datetime, zone: str) -> datetime:
    return at_zone(moment, zone)
