"""One request from text to answer: parse, guard, validate, coerce, price, run. Knows nothing of HTTP.

Strawberry builds the schema; running it is done here with graphql-core itself, because the guard has to stand
between parsing and validation, and because an answer must say whether a request ran at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any
from uuid import UUID

import strawberry
from graphql import GraphQLSchema, get_variable_values
from graphql.execution.values import VariableValues

from backend.core.errors import DomainError, Forbidden
from schema import errors
from schema.errors import Formatted, Refused
from schema.guard.body import RequestBody
from schema.guard.limits import LIMITS, Limits, check
from schema.running.documents import Document, Documents, Operation
from schema.running.engine import run
from schema.running.inputs import read_inputs_plainly
from schema.running.plain import read_plainly
from schema.trusted.documents import TrustedDocuments


@dataclass(frozen=True, slots=True)
class Result:
    """What a request that ran came to. `data` may be None when an error reached the top."""

    data: dict[str, Any] | None
    errors: list[Formatted] = field(default_factory=list)


class Executor:
    """Runs requests against one schema; keeps the documents that proved valid."""

    def __init__(
        self,
        schema: strawberry.Schema,
        limits: Limits = LIMITS,
        *,
        trusted: TrustedDocuments | None = None,
        trusted_only: bool = False,
    ) -> None:
        self._schema: GraphQLSchema = schema._schema  # Strawberry has no public name for it
        read_plainly(self._schema)
        read_inputs_plainly(self._schema, schema.config)
        self._limits = limits
        self._documents = Documents(self._schema, limits, trusted or TrustedDocuments())
        self._trusted_only = trusted_only

    def check_documents(self) -> None:
        """Raises Invalid (SETTING_INVALID) for a trusted document that cannot be run."""
        self._documents.check()

    def find(self, request: RequestBody, tenant: UUID, request_id: str) -> Operation:
        """The operation that a request names, ready to run.

        Raises Refused when there is none, or its document is not one that may run.
        """
        try:
            return self._document(request, tenant, request_id).operation(request.operationName)
        except DomainError as error:
            raise Refused.by(error) from None

    def _document(self, request: RequestBody, tenant: UUID, request_id: str) -> Document:
        if request.query is None:
            return self._documents.named(request.digest, request_id)
        if self._trusted_only and not self._documents.trusts(request.query):
            raise Forbidden(
                "Only registered documents may be run here; name one by its id.", code="DOCUMENT_NOT_TRUSTED"
            )
        return self._documents.free(request.query, tenant, request_id)

    async def run(
        self, operation: Operation, given: dict[str, Any] | None, context: Any, request_id: str
    ) -> Result:
        """The answer to an operation with these variables.

        Raises Refused when it cannot be run with them.
        """
        variables = self._variables(operation, given or {}, request_id)
        if not operation.document.standard:
            try:
                check("cost", operation.cost(variables.coerced), self._limits)
            except DomainError as error:
                raise Refused.by(error) from None
        outcome = run(operation, variables, context)
        result = await outcome if isawaitable(outcome) else outcome
        return Result(result.data, errors.field_errors(result.errors or (), request_id))

    def _variables(self, operation: Operation, given: dict[str, Any], request_id: str) -> VariableValues:
        found = get_variable_values(
            self._schema,
            operation.node.variable_definitions or (),
            given,
            max_errors=self._limits.errors,
            hide_suggestions=True,
        )
        if isinstance(found, list):
            raise Refused.because_of(found, errors.BAD_USER_INPUT, request_id)
        return found
