"""Keys that tokens are checked with: one made in the data folder, or those an OpenID provider publishes."""

from __future__ import annotations

import asyncio
import os
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from jwt import PyJWKClient, PyJWKSet
from jwt.exceptions import PyJWTError

from backend.core.errors import Invalid, Unavailable

FETCH_TIMEOUT = 3.0  # seconds the provider has to answer
FRESH = 300.0  # seconds after which the keys are asked for again, so that a withdrawn one goes
KEPT = 86_400.0  # seconds that known keys are good for while the provider is away
COOLDOWN = 30.0  # seconds between two fetches: a stranger can make up new key ids at any rate


class Keys(Protocol):
    """Something that knows public keys by their id."""

    async def find(self, key_id: str) -> Any | None:
        """The key with this id as `cryptography` has it, or None."""


class LocalKey:
    """The Ed25519 key of this installation, in a file that only its owner may read."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self.private = private
        self._public = private.public_key()
        self.key_id = _thumbprint(self._public)

    @classmethod
    def of_home(cls, home: Path) -> LocalKey:
        """Loads `keys/signing.pem` of the data folder; makes it first when it is not there."""
        path = home / "keys" / "signing.pem"
        if not path.exists():
            _make(path)
        key = load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise Invalid(f"{path} does not hold an Ed25519 key.", code="SETTING_INVALID")
        return cls(key)

    async def find(self, key_id: str) -> Ed25519PublicKey | None:
        """The one key there is, if that is the one meant."""
        return self._public if key_id == self.key_id else None


class ProviderKeys:
    """The keys behind a JWKS address: fetched in a thread, kept, and asked again for unknown ones."""

    def __init__(self, url: str, algorithm: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._client = PyJWKClient(url, cache_jwk_set=False, timeout=FETCH_TIMEOUT)
        self._algorithm = algorithm
        self._now = monotonic
        self._fetching = asyncio.Lock()
        self._known: dict[str, Any] = {}
        self._fetched = self._tried = float("-inf")

    async def find(self, key_id: str) -> Any | None:
        """The provider's key with this id, or None.

        Raises Unavailable when the provider has never answered or is away for too long.
        """
        if self._worth_asking(key_id):
            async with self._fetching:
                if self._worth_asking(key_id):  # whoever held the lock may have brought it
                    await self._fetch()
        if self._now() - self._fetched > KEPT:
            raise Unavailable("The keys of the identity provider cannot be had just now.")
        return self._known.get(key_id)

    def _worth_asking(self, key_id: str) -> bool:
        stale = self._now() - self._fetched > FRESH or key_id not in self._known
        return stale and self._now() - self._tried > COOLDOWN

    async def _fetch(self) -> None:
        self._tried = self._now()
        try:
            found = PyJWKSet.from_dict(await asyncio.to_thread(self._client.fetch_data))
        except (PyJWTError, ValueError):
            return  # what we know stays good for a while
        self._known = {
            key.key_id: key.key
            for key in found.keys
            if key.key_id and key.public_key_use in (None, "sig") and key.algorithm_name == self._algorithm
        }
        self._fetched = self._now()


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # whole or not at all, and never over another process's key
        except FileExistsError:
            return
    finally:
        draft.unlink()


def _thumbprint(public: Ed25519PublicKey) -> str:
    """The JWK thumbprint of RFC 7638: the same key has the same id everywhere."""
    x = _base64(public.public_bytes(Encoding.Raw, PublicFormat.Raw))
    return _base64(sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'.encode()).digest())


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
