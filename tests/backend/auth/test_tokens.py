"""Which tokens are believed. Each refusal is an attack or a mistake that someone has made before."""

from __future__ import annotations

import base64
import hmac
import json
import stat
from datetime import timedelta
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from backend.auth.keys import LocalKey
from backend.auth.tokens import MAX_LIFETIME, TokenSigner, TokenVerifier
from backend.core.errors import Invalid, Unauthenticated
from backend.core.settings import Settings

TENANT = UUID("01a20079-cf6e-7537-ad1f-edde95ccb45c")


@pytest.fixture
def settings(tmp_path):
    return Settings(home=str(tmp_path))


@pytest.fixture
def key(tmp_path):
    return LocalKey.of_home(tmp_path)


@pytest.fixture
def signer(settings, clock):
    return TokenSigner.from_settings(settings, clock)


@pytest.fixture
def verifier(settings, clock):
    return TokenVerifier.from_settings(settings, clock)


@pytest.fixture
def claims(clock):
    """The claims of a good token, to be spoilt."""
    now = int(clock().timestamp())
    return {
        "iss": "scoredesk",
        "aud": "scoredesk",
        "sub": "ana",
        "tenant": str(TENANT),
        "iat": now,
        "exp": now + 3600,
    }


def signed(key, claims, *, algorithm="EdDSA", **headers):
    return jwt.encode(claims, key.private, algorithm, headers={"kid": key.key_id, **headers})


async def refused(verifier, token, code="TOKEN_INVALID"):
    with pytest.raises(Unauthenticated) as refusal:
        await verifier.verify(token)
    assert refusal.value.code == code


async def test_a_token_of_ours_says_who_and_where(signer, verifier, clock):
    claims = await verifier.verify(signer.sign("ana", TENANT, timedelta(hours=1)))
    assert (claims.subject, claims.tenant_id) == ("ana", TENANT)
    assert claims.expires_at == clock() + timedelta(hours=1)


async def test_a_good_set_of_claims_is_good(key, verifier, claims):
    assert (await verifier.verify(signed(key, claims))).subject == "ana"
    assert (await verifier.verify(unchecked(key, claims))).subject == "ana"


@pytest.mark.parametrize("kind", ["JWT", "jwt", "at+jwt", "application/at+jwt"])
async def test_types_of_access_tokens_are_accepted(key, verifier, claims, kind):
    assert (await verifier.verify(signed(key, claims, typ=kind))).subject == "ana"


@pytest.mark.parametrize("kind", ["", "JWS", "dpop+jwt", "logout+jwt", "secevent+jwt"])
async def test_other_types_are_not(key, verifier, claims, kind):
    await refused(verifier, signed(key, claims, typ=kind))


async def test_extensions_that_must_be_understood_are_not(key, verifier, claims):
    await refused(verifier, signed(key, claims, crit=["exp"], exp=claims["exp"]))


@pytest.mark.parametrize("claim", ["exp", "iat", "sub", "aud", "iss", "tenant"])
async def test_each_claim_must_be_there(key, verifier, claims, claim):
    del claims[claim]
    await refused(verifier, signed(key, claims))


@pytest.mark.parametrize(
    "claim, value",
    [
        ("exp", None), ("exp", "soon"), ("exp", True), ("exp", 1e300), ("exp", float("nan")), ("exp", [1]),
        ("iat", None), ("iat", "now"), ("iat", -1e300), ("nbf", "later"), ("nbf", None),
        ("sub", None), ("sub", ""), ("sub", 7), ("sub", "a\x00b"), ("sub", "a\nb"), ("sub", "x" * 256),
        ("aud", None), ("aud", "other"), ("aud", ["scoredesk"]), ("aud", ["scoredesk", "other"]), ("aud", ""),
        ("iss", "score"), ("iss", "scoredesk2"), ("iss", ""),
        ("tenant", None), ("tenant", "acme"), ("tenant", ""), ("tenant", 7), ("tenant", [str(TENANT)]),
        ("tenant", str(TENANT).upper()), ("tenant", f"{{{TENANT}}}"), ("tenant", f"urn:uuid:{TENANT}"),
    ],
)  # fmt: skip
async def test_a_claim_of_another_kind_is_refused(key, verifier, claims, claim, value):
    await refused(verifier, unchecked(key, {**claims, claim: value}))


def unchecked(key, claims):
    """A signed token with claims that the library would refuse to write."""
    header = {"alg": "EdDSA", "typ": "JWT", "kid": key.key_id}
    parts = [encoded(json.dumps(part).encode()) for part in (header, claims)]
    return ".".join([*parts, encoded(key.private.sign(".".join(parts).encode()))])


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class TestTime:
    async def test_it_expires(self, signer, verifier, clock):
        token = signer.sign("ana", TENANT, timedelta(hours=1))
        clock.advance(hours=1, seconds=9)
        await verifier.verify(token)  # within the leeway between two clocks
        clock.advance(seconds=1)
        await refused(verifier, token, "TOKEN_EXPIRED")

    async def test_a_clock_a_little_ahead_is_forgiven(self, key, verifier, claims):
        claims["iat"] += 10
        await verifier.verify(signed(key, claims))
        claims["iat"] += 1
        await refused(verifier, signed(key, claims))

    async def test_not_before_is_heeded(self, key, verifier, claims):
        await refused(verifier, signed(key, {**claims, "nbf": claims["iat"] + 60}))

    async def test_no_token_lives_longer_than_a_day(self, key, signer, verifier, claims):
        claims["exp"] = claims["iat"] + int(MAX_LIFETIME.total_seconds())
        await verifier.verify(signed(key, claims))
        claims["exp"] += 1
        await refused(verifier, signed(key, claims))
        with pytest.raises(Invalid):
            signer.sign("ana", TENANT, MAX_LIFETIME + timedelta(seconds=1))

    async def test_it_cannot_end_before_it_begins(self, key, verifier, claims):
        await refused(verifier, signed(key, {**claims, "exp": claims["iat"]}))


class TestForgery:
    @pytest.mark.parametrize(
        "algorithm", ["none", "None", "NONE", "nOnE", "", "HS256", "RS256", "ES256", "eddsa"]
    )
    async def test_another_algorithm_is_refused(self, key, verifier, claims, algorithm):
        parts = signed(key, claims).split(".")
        parts[0] = encoded(json.dumps({"alg": algorithm, "typ": "JWT", "kid": key.key_id}).encode())
        await refused(verifier, ".".join(parts))
        await refused(verifier, ".".join([*parts[:2], ""]))

    @pytest.mark.parametrize("form", ["pem", "raw", "ssh"])
    async def test_the_public_key_is_no_secret(self, key, verifier, claims, form):
        public = key.private.public_key()
        secret = {
            "pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "raw": public.public_bytes(Encoding.Raw, PublicFormat.Raw),
            "ssh": public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
        }[form]
        parts = [encoded(json.dumps({"alg": "HS256", "typ": "JWT", "kid": key.key_id}).encode())]
        parts.append(encoded(json.dumps(claims).encode()))
        parts.append(encoded(hmac.digest(secret, ".".join(parts).encode(), "sha256")))
        await refused(verifier, ".".join(parts))

    async def test_another_key_is_refused(self, key, verifier, claims):
        other = LocalKey(Ed25519PrivateKey.generate())
        await refused(verifier, signed(other, claims))
        await refused(verifier, signed(other, claims, kid=key.key_id))

    async def test_keys_of_another_kind_are_refused(self, key, verifier, claims):
        rs, es = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
        await refused(verifier, jwt.encode(claims, rs, "RS256", headers={"kid": key.key_id}))
        await refused(verifier, jwt.encode(claims, es, "ES256", headers={"kid": key.key_id}))

    @pytest.mark.parametrize(
        "key_id",
        [
            None,
            "",
            7,
            ["a"],
            "../../etc/passwd",
            "' OR 1=1 --",
            "https://evil.example/key",
            "a\x00b",
            "k" * 9000,
        ],
    )
    async def test_a_key_id_leads_nowhere(self, key, verifier, claims, key_id):
        header = {"alg": "EdDSA", "typ": "JWT", "kid": key_id}
        parts = [encoded(json.dumps(part).encode()) for part in (header, claims)]
        parts.append(encoded(key.private.sign(".".join(parts).encode())))
        await refused(verifier, ".".join(parts))

    @pytest.mark.parametrize("header", ["jwk", "jku", "x5u", "x5c"])
    async def test_a_key_that_comes_along_is_not_used(self, verifier, claims, header):
        other = LocalKey(Ed25519PrivateKey.generate())
        value = {"jwk": json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(other.private.public_key()))}
        await refused(verifier, signed(other, claims, **{header: value.get(header, "https://evil.example/")}))

    async def test_an_unknown_critical_header_is_refused(self, key, verifier, claims):
        await refused(verifier, signed(key, claims, crit=["planted"], planted=1))

    async def test_a_changed_token_is_refused(self, key, verifier, claims):
        head, _, signature = signed(key, claims).split(".")
        other = encoded(json.dumps({**claims, "tenant": str(uuid4())}).encode())
        await refused(verifier, f"{head}.{other}.{signature}")

    @pytest.mark.parametrize(
        "token",
        [
            "",
            ".",
            "..",
            "a.b.c",
            "a.b",
            "x" * 10_000,
            "é.é.é",
            "\x00",
            "eyJhbGciOiJub25lIn0..",
            "null",
            "[]",
            "e30.e30.e30",
        ],
    )
    async def test_what_is_no_token_is_refused(self, verifier, token):
        await refused(verifier, token)

    async def test_nested_json_does_no_harm(self, key, verifier):
        parts = [encoded(json.dumps({"alg": "EdDSA", "typ": "JWT", "kid": key.key_id}).encode())]
        parts.append(encoded(b"[" * 3000))
        parts.append(encoded(key.private.sign(".".join(parts).encode())))
        await refused(verifier, ".".join(parts))


class TestLocalKey:
    def test_it_is_made_once_for_its_owner_alone(self, tmp_path):
        first, second = LocalKey.of_home(tmp_path), LocalKey.of_home(tmp_path)
        assert first.key_id == second.key_id
        path = tmp_path / "keys" / "signing.pem"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert [file.name for file in path.parent.iterdir()] == ["signing.pem"]

    def test_a_key_of_another_kind_is_refused(self, tmp_path):
        from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat

        LocalKey.of_home(tmp_path)
        pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        (tmp_path / "keys" / "signing.pem").write_bytes(pem)
        with pytest.raises(Invalid):
            LocalKey.of_home(tmp_path)


class TestSettings:
    def test_another_algorithm_needs_a_provider(self, tmp_path):
        with pytest.raises(Invalid, match="SCOREDESK_JWKS_URL"):
            TokenVerifier.from_settings(Settings(home=str(tmp_path), jwt_algorithm="RS256"))

    def test_a_provider_is_asked_over_http(self, tmp_path):
        with pytest.raises(Invalid, match="http"):
            TokenVerifier.from_settings(Settings(home=str(tmp_path), jwks_url="file:///etc/passwd"))

    def test_with_a_provider_we_make_no_tokens(self, tmp_path):
        with pytest.raises(Invalid, match="provider"):
            TokenSigner.from_settings(Settings(home=str(tmp_path), jwks_url="https://id.example/keys"))


async def test_a_token_that_was_believed_still_ends(signer, verifier, clock):
    token = signer.sign("ana", TENANT, timedelta(seconds=30))
    assert await verifier.verify(token) == await verifier.verify(token)
    clock.advance(seconds=41)
    with pytest.raises(Unauthenticated) as refusal:
        await verifier.verify(token)
    assert refusal.value.code == "TOKEN_EXPIRED"


async def test_a_withdrawn_key_is_believed_for_a_minute_at_most_whatever_the_clock_does(key, signer, clock):
    class Withdrawable:
        withdrawn = False

        async def find(self, key_id):
            return None if self.withdrawn else await key.find(key_id)

    keys = Withdrawable()
    verifier = TokenVerifier(keys, algorithm="EdDSA", issuer="scoredesk", audience="scoredesk", clock=clock)
    token = signer.sign("ana", TENANT)
    await verifier.verify(token)
    keys.withdrawn = True
    clock.advance(seconds=59)
    await verifier.verify(token)
    for step in (1, -120):
        clock.advance(seconds=step)
        with pytest.raises(Unauthenticated):
            await verifier.verify(token)


async def test_what_was_believed_is_forgotten_within_bounds(signer, verifier, monkeypatch):
    monkeypatch.setattr("backend.auth.tokens.MOST_VERIFIED", 3)
    for person in range(10):
        await verifier.verify(signer.sign(f"person {person}", TENANT))
    assert len(verifier._verified) == 3
