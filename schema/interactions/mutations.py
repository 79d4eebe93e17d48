"""Changes of interactions by hand: leaving some out of what is counted."""

from __future__ import annotations

from typing import Annotated

import strawberry

from backend.interactions.exclusion import set_exclusion
from backend.web.access import EXCLUDE
from schema.context import Info
from schema.guard.limits import check
from schema.relay import uuid_of


@strawberry.type(description="What became of an exclusion.")
class ExclusionPayload:
    changed: int = strawberry.field(
        description="How many interactions changed; those that were so already, or are unknown, do not count."
    )


@strawberry.type
class InteractionMutations:
    @strawberry.mutation(
        description="Leaves interactions out of what is counted, for a reason, or takes them back in. They "
        "stay stored, and a formula can include them. An import whose mapping fills `exclusion` overrules it. "
        "For admins and managers."
    )
    async def exclude_interactions(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="Interactions; at most 500.")],
        reason: Annotated[
            str | None,
            strawberry.argument(
                description="Such as `spam` or `test`: 1 to 100 characters; null takes them back in."
            ),
        ] = None,
    ) -> ExclusionPayload:
        context = info.context
        context.require(EXCLUDE)
        check("records", len(ids))
        wanted = [uuid_of("Interaction", id) for id in ids]
        async with context.scope.write() as session:
            changed = await set_exclusion(
                session, wanted, reason, actor=context.scope.principal.subject, now=context.clock()
            )
        return ExclusionPayload(changed=changed)
