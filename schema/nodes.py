"""`node`: anything by its id, found by the domain whose type it is."""

from __future__ import annotations

from typing import Annotated

import strawberry

from schema.context import Info
from schema.ingestion.nodes import FINDERS as INGESTION
from schema.interactions.nodes import FINDERS as INTERACTIONS
from schema.relay import Find, Node, parse_node_id

FINDERS: dict[str, Find] = {**INTERACTIONS, **INGESTION}


@strawberry.type
class NodeQueries:
    @strawberry.field(
        description="Anything by its id; null when there is no such thing or you may not see it."
    )
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="An `id` that this API gave.")],
    ) -> Node | None:
        parsed = parse_node_id(id)
        if parsed is None or parsed[0] not in FINDERS:
            return None
        found: Node | None = await FINDERS[parsed[0]](info, parsed[1])
        return found
