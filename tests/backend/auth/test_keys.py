"""Keys of an OpenID provider, from a small provider of our own."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from backend.auth.keys import COOLDOWN, FRESH, KEPT, ProviderKeys
from backend.auth.tokens import TokenVerifier
from backend.core.errors import Unauthenticated, Unavailable


class Provider(HTTPServer):
    """Publishes public keys under `/keys` and counts how often it is asked."""

    def __init__(self):
        self.private = {}
        self.asked = 0
        self.broken = False
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/keys"

    def add(self, key_id, **more):
        self.private[key_id] = rsa.generate_private_key(65537, 2048), more


class _Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self):
        self.server.asked += 1
        keys = []
        for key_id, (private, more) in self.server.private.items():
            key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key()))
            keys.append({**key, "kid": key_id, **more})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>" if self.server.broken else json.dumps({"keys": keys}).encode())

    def log_message(self, *_):
        """Says nothing."""


class Seconds:
    """A monotonic clock that tests turn."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def provider():
    provider = Provider()
    provider.add("first")
    thread = threading.Thread(target=provider.serve_forever, args=[0.01], daemon=True)
    thread.start()
    yield provider
    provider.shutdown()
    provider.server_close()
    thread.join()


@pytest.fixture
def seconds():
    return Seconds()


@pytest.fixture
def keys(provider, seconds):
    return ProviderKeys(provider.url, "RS256", monotonic=seconds)


async def test_a_token_of_the_provider_is_believed(provider, keys, clock):
    verifier = TokenVerifier(keys, algorithm="RS256", issuer="https://id", audience="scoredesk", clock=clock)
    now = int(clock().timestamp())
    claims = {
        "iss": "https://id",
        "aud": "scoredesk",
        "sub": "ana",
        "tenant": str(uuid4()),
        "iat": now,
        "exp": now + 60,
    }
    private, _ = provider.private["first"]
    token = jwt.encode(claims, private, "RS256", headers={"kid": "first", "typ": "at+jwt"})
    assert (await verifier.verify(token)).subject == "ana"
    forged = jwt.encode(claims, rsa.generate_private_key(65537, 2048), "RS256", headers={"kid": "first"})
    with pytest.raises(Unauthenticated):
        await verifier.verify(forged)


async def test_it_is_asked_once(provider, keys):
    for _ in range(5):
        assert await keys.find("first") is not None
    assert provider.asked == 1


async def test_made_up_key_ids_do_not_make_us_ask(provider, keys, seconds):
    for number in range(50):
        assert await keys.find(f"made-up-{number}") is None
    assert provider.asked == 1
    seconds.now += COOLDOWN + 1
    await keys.find("made-up")
    assert provider.asked == 2


async def test_a_new_key_is_found_after_the_cooldown(provider, keys, seconds):
    await keys.find("first")
    provider.add("second")
    assert await keys.find("second") is None
    seconds.now += COOLDOWN + 1
    assert await keys.find("second") is not None


async def test_a_withdrawn_key_goes(provider, keys, seconds):
    await keys.find("first")
    del provider.private["first"]
    provider.add("second")
    seconds.now += FRESH + 1
    assert await keys.find("first") is None


@pytest.mark.parametrize("more", [{"use": "enc"}, {"alg": "RS512"}])
async def test_a_key_for_something_else_is_not_used(provider, keys, more):
    provider.add("other", **more)
    assert await keys.find("other") is None


async def test_a_provider_that_is_away_is_forgiven_for_a_day(provider, keys, seconds):
    await keys.find("first")
    provider.broken = True
    seconds.now += FRESH + 1
    assert await keys.find("first") is not None
    seconds.now += KEPT
    with pytest.raises(Unavailable):
        await keys.find("first")


async def test_a_provider_that_never_answered_is_unavailable(seconds):
    keys = ProviderKeys("http://127.0.0.1:9/keys", "RS256", monotonic=seconds)
    with pytest.raises(Unavailable):
        await keys.find("first")
