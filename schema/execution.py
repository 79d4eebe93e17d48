"""One request from text to answer: parse, guard, validate, coerce, price, run. Knows nothing of HTTP.

Strawberry builds the schema; running it is done here with graphql-core itself, because the guard has to stand
between parsing and validation, and because an answer must say whether a request ran at all.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any

import strawberry
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    TokenKind,
    execute,
    get_variable_values,
    parse,
    validate,
)
from graphql.utilities import get_operation_ast

from backend.core.errors import DomainError, Invalid
from schema import errors
from schema.costs import cost_of
from schema.errors import Formatted, Refused
from schema.guard.body import RequestBody
from schema.guard.introspection import is_standard_introspection
from schema.guard.limits import LIMITS, Limits, check
from schema.guard.shape import check_shape

CACHED_DOCUMENTS = 256
CACHED_CHARACTERS = 250_000  # some 60 bytes of syntax tree a character: 15 MB at most


@dataclass(frozen=True, slots=True)
class Result:
    """What a request that ran came to. `data` may be None when an error reached the top."""

    data: dict[str, Any] | None
    errors: list[Formatted] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A valid document; `standard` ones are the introspection documents that no limit but the text's holds
    for.
    """

    document: DocumentNode
    standard: bool


class Executor:
    """Runs requests against one schema; keeps the documents that proved valid."""

    def __init__(self, schema: strawberry.Schema, limits: Limits = LIMITS) -> None:
        self._schema: GraphQLSchema = schema._schema  # Strawberry has no public name for it
        self._limits = limits
        self._documents: OrderedDict[str, _Prepared] = OrderedDict()
        self._characters = 0

    async def run(self, request: RequestBody, context: Any, request_id: str) -> Result:
        """The answer to one request.

        Raises Refused when it cannot be run as it is.
        """
        try:
            prepared = self._prepare(request.query, request_id)
            document = prepared.document
            operation = _operation(document, request.operationName)
            variables = self._variables(operation, request.variables or {}, request_id)
            if not prepared.standard:
                check("cost", cost_of(self._schema, document, operation, variables), self._limits)
        except DomainError as error:
            raise Refused.by(error) from None
        outcome = execute(
            self._schema,
            document,
            context_value=context,
            variable_values=request.variables or {},
            operation_name=request.operationName,
            hide_suggestions=True,
        )
        result = await outcome if isawaitable(outcome) else outcome
        return Result(result.data, errors.field_errors(result.errors or (), request_id))

    def _prepare(self, text: str, request_id: str) -> _Prepared:
        if known := self._documents.get(text):
            self._documents.move_to_end(text)
            return known
        document = self._parse(text, request_id)
        standard = is_standard_introspection(document)
        if not standard:
            check_shape(document, self._limits)
        problems = validate(self._schema, document, max_errors=self._limits.errors, hide_suggestions=True)
        if problems:
            raise Refused.because_of(problems, errors.VALIDATION_FAILED, request_id)
        prepared = _Prepared(document, standard)
        self._keep(text, prepared)
        return prepared

    def _parse(self, text: str, request_id: str) -> DocumentNode:
        check("characters", len(text), self._limits)
        try:
            document = parse(
                text,
                max_lexical_tokens=self._limits.tokens,
                max_comments=self._limits.comments,
            )
        except GraphQLError as error:
            raise Refused.because_of([error], errors.PARSE_FAILED, request_id) from None
        _refuse_nul(document)
        return document

    def _variables(
        self, operation: OperationDefinitionNode, given: dict[str, Any], request_id: str
    ) -> dict[str, Any]:
        definitions = operation.variable_definitions or ()
        found = get_variable_values(
            self._schema, definitions, given, max_errors=self._limits.errors, hide_suggestions=True
        )
        if isinstance(found, list):
            raise Refused.because_of(found, errors.BAD_USER_INPUT, request_id)
        return found.coerced

    def _keep(self, text: str, prepared: _Prepared) -> None:
        self._documents[text] = prepared
        self._characters += len(text)
        while len(self._documents) > CACHED_DOCUMENTS or self._characters > CACHED_CHARACTERS:
            oldest, _ = self._documents.popitem(last=False)
            self._characters -= len(oldest)


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operation = get_operation_ast(document, name)
    if operation is None:
        said = f"no operation named “{name}”" if name else "not exactly one operation, and none is named"
        raise Invalid(f"The document has {said}.", code="OPERATION_NOT_FOUND")
    return operation


def _refuse_nul(document: DocumentNode) -> None:
    token = document.loc.start_token if document.loc else None
    while token:
        if token.kind in (TokenKind.STRING, TokenKind.BLOCK_STRING) and "\x00" in (token.value or ""):
            raise Invalid("A text holds the NUL character.", code=errors.BAD_USER_INPUT)
        token = token.next
