"""Valid documents, made ready to run once and kept: parsed, guarded, validated, priced."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    TokenKind,
    parse,
    validate,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.utilities import get_operation_ast

from backend.core.errors import Invalid, NotFound
from schema import errors
from schema.caching.fields import is_kept
from schema.costs import Cost, pricing_of
from schema.errors import Refused
from schema.guard.introspection import is_standard_introspection
from schema.guard.limits import Limits, check
from schema.guard.shape import check_shape
from schema.running.fair import FairMemory
from schema.running.plans import Plans
from schema.trusted.documents import TrustedDocuments, digest_of

CACHED_CHARACTERS = 250_000  # some 60 bytes of syntax tree a character: 15 MB at most
A_DOCUMENT = 1_000  # characters that each document counts for beside its own: 250 documents at most
SHARE = 0.5  # of one tenant
IDLE = 3_600.0  # seconds


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a document, and what it costs with given variables."""

    document: Document
    node: OperationDefinitionNode
    cost: Cost
    kept: bool  # whether its answers may be kept

    @property
    def is_query(self) -> bool:
        """Whether it only reads."""
        return self.node.operation is OperationType.QUERY


@dataclass(slots=True)
class Document:
    """A valid document; `standard` ones are the introspection documents that no limit but the text's holds for."""

    schema: GraphQLSchema
    tree: DocumentNode
    digest: str  # of its text, SHA-256
    standard: bool
    trusted: bool
    plans: Plans | None
    fragment_definitions: dict[str, FragmentDefinitionNode]
    fragments: dict[str, FragmentDetails]
    _operations: dict[str | None, Operation] = field(default_factory=dict)

    def operation(self, name: str | None) -> Operation:
        """The operation of that name, or the only one.

        Raises Invalid (OPERATION_NOT_FOUND).
        """
        known = self._operations.get(name)
        if known is not None:
            return known
        node = get_operation_ast(self.tree, name)
        if node is None:
            said = f"no operation named “{name}”" if name else "not exactly one operation, and none is named"
            raise Invalid(f"The document has {said}.", code="OPERATION_NOT_FOUND")
        cost = pricing_of(self.schema, self.tree, node)
        operation = Operation(self, node, cost, is_kept(node, self.fragment_definitions))
        self._operations[name] = operation
        return operation


class Documents:
    """Makes documents ready; keeps those that proved valid. Trusted ones have room of their own, for good."""

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: Limits,
        trusted: TrustedDocuments,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._trusted = trusted
        self._ready: dict[str, Document] = {}
        self._kept: FairMemory[str, Document] = FairMemory(CACHED_CHARACTERS, share=SHARE, idle=IDLE, now=now)

    def check(self) -> None:
        """Raises Invalid (SETTING_INVALID) for a trusted document that cannot be run."""
        for text in self._trusted.texts:
            try:
                self._trusted_one(digest_of(text), text, "at the start")
            except Refused as refusal:
                first = text.strip().partition("\n")[0][:80]
                raise Invalid(
                    f"SCOREDESK_TRUSTED_DOCUMENTS: “{first}”: {refusal}", code="SETTING_INVALID"
                ) from None

    def named(self, digest: str, request_id: str) -> Document:
        """The trusted document with this digest.

        Raises NotFound (PERSISTED_QUERY_NOT_FOUND).
        """
        text = self._trusted.find(digest)
        if text is None:
            raise NotFound(
                "No document is registered under this id; send its text.", code="PERSISTED_QUERY_NOT_FOUND"
            )
        return self._trusted_one(digest, text, request_id)

    def trusts(self, text: str) -> bool:
        """Whether a text is that of a trusted document."""
        return self._trusted.digest(text) is not None

    def free(self, text: str, tenant: UUID, request_id: str) -> Document:
        """The document of a text that anybody may have written, within all limits; a trusted one is known by its
        text, too.

        Raises Refused, LimitExceeded, Invalid.
        """
        if (digest := self._trusted.digest(text)) is not None:
            return self._trusted_one(digest, text, request_id)
        known = self._kept.get(text)
        if known is None:
            known = self._made(text, request_id, trusted=False)
            self._kept.put(tenant, text, known, len(text) + A_DOCUMENT)
        return known

    def _trusted_one(self, digest: str, text: str, request_id: str) -> Document:
        known = self._ready.get(digest)
        if known is None:
            known = self._ready[digest] = self._made(text, request_id, trusted=True)
        return known

    def _made(self, text: str, request_id: str, *, trusted: bool) -> Document:
        """The document of a text; no limit but the cost holds for trusted ones."""
        tree = self._parse(text, request_id, trusted)
        standard = is_standard_introspection(tree)
        if not standard and not trusted:
            check_shape(tree, self._limits)
        problems = validate(self._schema, tree, max_errors=self._limits.errors, hide_suggestions=True)
        if problems:
            raise Refused.because_of(problems, errors.VALIDATION_FAILED, request_id)
        fragments = {
            definition.name.value: definition
            for definition in tree.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        return Document(
            self._schema,
            tree,
            digest_of(text),
            standard,
            trusted,
            Plans.of(self._schema, tree),
            fragments,
            {name: FragmentDetails(definition) for name, definition in fragments.items()},
        )

    def _parse(self, text: str, request_id: str, trusted: bool) -> DocumentNode:
        tokens = comments = None
        if not trusted:
            check("characters", len(text), self._limits)
            tokens, comments = self._limits.tokens, self._limits.comments
        try:
            document = parse(text, max_lexical_tokens=tokens, max_comments=comments)
        except GraphQLError as error:
            raise Refused.because_of([error], errors.PARSE_FAILED, request_id) from None
        _refuse_nul(document)
        return document


def _refuse_nul(document: DocumentNode) -> None:
    token: Any = document.loc.start_token if document.loc else None
    while token:
        if token.kind in (TokenKind.STRING, TokenKind.BLOCK_STRING) and "\x00" in (token.value or ""):
            raise Invalid("A text holds the NUL character.", code=errors.BAD_USER_INPUT)
        token = token.next
