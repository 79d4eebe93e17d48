"""Signing and checking JWTs. A token says who (`sub`) and where (`tenant`); never what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import jwt
from jwt.exceptions import PyJWTError

from backend.auth.keys import Keys, LocalKey, ProviderKeys
from backend.core.clock import Clock, system_clock
from backend.core.errors import Invalid, Unauthenticated
from backend.core.settings import Settings

LIFETIME = timedelta(hours=12)  # of a token made here: a working day
MAX_LIFETIME = timedelta(hours=24)  # of any token: one that leaks is of use for a day at most
LEEWAY = timedelta(seconds=10)  # between two machines' clocks
MAX_LENGTH = 8192  # characters; providers with many claims make some 3,000
VERIFIED = timedelta(seconds=60)  # how long a signature is not looked at again; a key may go meanwhile
MOST_VERIFIED = 10_000  # tokens at once, by their digests: some 4 MB
TYPES = ("jwt", "at+jwt", "application/at+jwt")  # RFC 9068 access tokens carry the second or third
REQUIRED = ["exp", "iat", "sub", "aud", "iss", "tenant"]

LOCAL_ALGORITHM = "EdDSA"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a genuine, current token says."""

    subject: str
    tenant_id: UUID
    expires_at: datetime


class TokenSigner:
    """Makes tokens with the installation's own key."""

    def __init__(self, key: LocalKey, *, issuer: str, audience: str, clock: Clock = system_clock) -> None:
        self._key = key
        self._issuer = issuer
        self._audience = audience
        self._clock = clock

    @classmethod
    def from_settings(cls, settings: Settings, clock: Clock = system_clock) -> TokenSigner:
        """The signer of this installation.

        Raises Invalid (TOKENS_FROM_PROVIDER) where an OpenID provider makes the tokens.
        """
        if settings.jwks_url is not None:
            raise Invalid("Tokens come from your OpenID provider.", code="TOKENS_FROM_PROVIDER")
        key = LocalKey.of_home(settings.home_path)
        return cls(key, issuer=settings.jwt_issuer, audience=settings.jwt_audience, clock=clock)

    def sign(self, subject: str, tenant_id: UUID, lifetime: timedelta = LIFETIME) -> str:
        """A token for a person in a tenant, named by its id: a slug may be another tenant's one day."""
        if not timedelta() < lifetime <= MAX_LIFETIME:
            raise Invalid("A token lives for at most 24 hours.", code="LIFETIME_INVALID")
        now = self._clock()
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": subject,
            "tenant": str(tenant_id),
            "iat": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
        }
        return jwt.encode(claims, self._key.private, LOCAL_ALGORITHM, headers={"kid": self._key.key_id})


class TokenVerifier:
    """Checks tokens against one issuer, one audience and exactly one algorithm."""

    def __init__(
        self,
        keys: Keys,
        *,
        algorithm: str,
        issuer: str,
        audience: str,
        clock: Clock = system_clock,
    ) -> None:
        self._keys = keys
        self._algorithm = algorithm
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._verified: dict[bytes, tuple[datetime, Claims]] = {}

    @classmethod
    def from_settings(cls, settings: Settings, clock: Clock = system_clock) -> TokenVerifier:
        """The verifier of this installation. Raises Invalid (SETTING_INVALID)."""
        keys: Keys
        if settings.jwks_url is not None:
            try:
                keys = ProviderKeys(settings.jwks_url, settings.jwt_algorithm)
            except PyJWTError:
                raise Invalid(
                    "SCOREDESK_JWKS_URL must be an http or https address.", code="SETTING_INVALID"
                ) from None
        elif settings.jwt_algorithm == LOCAL_ALGORITHM:
            keys = LocalKey.of_home(settings.home_path)
        else:
            raise Invalid(
                f"SCOREDESK_JWT_ALGORITHM {settings.jwt_algorithm} needs SCOREDESK_JWKS_URL.",
                code="SETTING_INVALID",
            )
        return cls(
            keys,
            algorithm=settings.jwt_algorithm,
            issuer=settings.jwt_issuer,
            audience=settings.jwt_audience,
            clock=clock,
        )

    async def verify(self, token: str) -> Claims:
        """What the token says, if it is genuine, meant for us and current.

        Raises Unauthenticated (TOKEN_INVALID, TOKEN_EXPIRED), Unavailable while the provider's keys cannot
        be had.
        """
        if len(token) > MAX_LENGTH:
            raise _invalid()
        now, digest = self._clock(), sha256(token.encode()).digest()
        known = self._verified.get(digest)
        # A clock that was set back must not make anything last longer.
        if known is not None and timedelta() <= now - known[0] < VERIFIED:
            return _current(known[1], now)
        claims = await self._verify_anew(token)
        self._verified.pop(digest, None)
        while len(self._verified) >= MOST_VERIFIED:
            del self._verified[next(iter(self._verified))]  # the one verified longest ago
        self._verified[digest] = now, claims
        return claims

    async def _verify_anew(self, token: str) -> Claims:
        try:
            header = jwt.get_unverified_header(token)
            key = await self._keys.find(_key_id(header))
            if key is None:
                raise _invalid()
            payload = jwt.decode(
                token,
                key,
                algorithms=[self._algorithm],
                audience=self._audience,
                issuer=self._issuer,
                # The times are checked below: the library would ask the system for now.
                options={
                    "require": REQUIRED,
                    "strict_aud": True,
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
            return self._read(payload)
        except (PyJWTError, ValueError, TypeError, RecursionError):
            raise _invalid() from None

    def _read(self, payload: dict[str, Any]) -> Claims:
        subject = payload["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= 255 or not subject.isprintable():
            raise _invalid()
        issued, expires = _instant(payload["iat"]), _instant(payload["exp"])
        now = self._clock()
        begins = max(issued, _instant(payload.get("nbf", payload["iat"])))
        if begins > now + LEEWAY or expires - issued > MAX_LIFETIME or expires <= issued:
            raise _invalid()
        return _current(Claims(subject, _uuid(payload["tenant"]), expires), now)


def _current(claims: Claims, now: datetime) -> Claims:
    """The claims themselves while their time has not passed."""
    if claims.expires_at <= now - LEEWAY:
        raise Unauthenticated("Your token has expired; sign in again.", code="TOKEN_EXPIRED")
    return claims


def _key_id(header: dict[str, Any]) -> str:
    kind, key_id = header.get("typ"), header.get("kid")
    if not isinstance(kind, str) or kind.lower() not in TYPES:
        raise _invalid()
    if not isinstance(key_id, str) or not 0 < len(key_id) <= 255:
        raise _invalid()
    return key_id


def _instant(value: Any) -> datetime:
    if type(value) not in (int, float):  # a bool is an int, and no time
        raise _invalid()
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError):
        raise _invalid() from None


def _uuid(value: Any) -> UUID:
    if not isinstance(value, str) or str(found := UUID(value)) != value:
        raise _invalid()
    return found


def _invalid() -> Unauthenticated:
    return Unauthenticated("The token is not valid here.", code="TOKEN_INVALID")
