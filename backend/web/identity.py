"""Who is asking: the one place where a request's headers become a scope."""

from __future__ import annotations

from starlette.datastructures import Headers

from backend.auth.memberships import Authenticator
from backend.auth.scope import Scope
from backend.core.errors import Unauthenticated


class Identity:
    """Turns a bearer token into the scope of its tenant. There are no cookies, so none can be abused."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    async def scope_of(self, headers: Headers) -> Scope:
        """The scope a request works in.

        Raises Unauthenticated (TOKEN_MISSING and what the authenticator says), Forbidden (TENANT_SUSPENDED).
        """
        given = headers.getlist("authorization")
        scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or not token.isascii():
            raise Unauthenticated("Send one header “Authorization: Bearer <token>”.", code="TOKEN_MISSING")
        return await self._authenticator.scope(token)
