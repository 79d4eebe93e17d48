"""graphql-core's executor, which asks for a plan before it completes an object field by field."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLObjectType, GraphQLResolveInfo, default_field_resolver, default_type_resolver
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetailsList
from graphql.execution.types import ExecutionResult
from graphql.execution.values import VariableValues
from graphql.pyutils import AwaitableOrValue, Path

from schema.running.documents import Operation
from schema.running.plans import Plans


class Engine(Executor[None]):
    """Runs one operation once."""

    plans: Plans | None = None

    def complete_object_value(
        self,
        return_type: GraphQLObjectType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: None,
    ) -> AwaitableOrValue[dict[str, Any]]:
        """An object's fields: by the plan where there is one and it can, else as graphql-core does."""
        if self.plans is not None:
            plan = self.plans.find(return_type, field_details_list, self.collect_subfields)
            if plan is not None:
                try:
                    completed: dict[str, Any] = plan(result)
                    return completed
                except Exception:  # whatever it is: graphql-core meets it too, and knows what to say
                    pass
        return super().complete_object_value(
            return_type, field_details_list, info, path, result, position_context
        )


def run(operation: Operation, variables: VariableValues, context: Any) -> AwaitableOrValue[ExecutionResult]:
    """What an operation comes to with coerced variables. Nothing is deferred or streamed: no schema of ours
    can.
    """
    engine = Engine(
        operation.document.schema,
        operation.document.fragment_definitions,
        operation.document.fragments,
        None,
        context,
        operation.node,
        variables,
        default_field_resolver,
        default_type_resolver,
        default_field_resolver,
        hide_suggestions=True,
    )
    engine.plans = operation.document.plans
    return engine.execute_operation()  # type: ignore[return-value]
