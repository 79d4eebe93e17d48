"""The documents that are trusted: those that the product comes with, and those of the installation.

Nobody can register one by asking, so nobody can fill a memory with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

import msgspec

from backend.core.errors import Invalid

PREFIX = "sha256:"
SUFFIXES = (".graphql", ".gql")
MANIFEST = Path(__file__).parent / "operations.json"  # written by `python -m schema.trusted.manifest`

_manifest = msgspec.json.Decoder(dict[str, str])


def digest_of(text: str) -> str:
    """The SHA-256 of a document's text, as `sha256sum` prints it for a file that holds it."""
    return sha256(text.encode()).hexdigest()


class TrustedDocuments:
    """Texts by their digest."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._texts = {digest_of(text): text for text in texts}
        self._digests = {text: digest for digest, text in self._texts.items()}

    def __len__(self) -> int:
        return len(self._texts)

    @property
    def texts(self) -> list[str]:
        """All of them."""
        return list(self._texts.values())

    @classmethod
    def of_product(cls) -> TrustedDocuments:
        """The operations of the contract with front ends."""
        return cls(_manifest.decode(MANIFEST.read_bytes()).values())

    def with_place(self, place: str | None) -> TrustedDocuments:
        """These and those of a folder of documents, or of a JSON file `{"sha256:<hex>": "<text>"}`; None: these alone.

        Raises Invalid (SETTING_INVALID).
        """
        return self if place is None else TrustedDocuments([*self.texts, *_texts_of(Path(place))])

    def find(self, digest: str) -> str | None:
        """The text with a digest; None when it is not trusted."""
        return self._texts.get(digest)

    def digest(self, text: str) -> str | None:
        """The digest of a text; None when it is not trusted."""
        return self._digests.get(text)


def _texts_of(place: Path) -> list[str]:
    try:
        if place.is_dir():
            return [path.read_text("utf-8") for path in sorted(place.rglob("*")) if path.suffix in SUFFIXES]
        return _checked(_manifest.decode(place.read_bytes()))
    except OSError as error:
        raise _unreadable(place, error.strerror or "it cannot be read") from None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise _unreadable(place, "it is neither a folder nor a JSON object of texts") from None


def _checked(manifest: Mapping[str, str]) -> list[str]:
    for name, text in manifest.items():
        if name.removeprefix(PREFIX) != digest_of(text):
            raise Invalid(
                f"SCOREDESK_TRUSTED_DOCUMENTS: {name} is not the SHA-256 of its document.",
                code="SETTING_INVALID",
            )
    return list(manifest.values())


def _unreadable(place: Path, why: str) -> Invalid:
    return Invalid(f"SCOREDESK_TRUSTED_DOCUMENTS: {place}: {why}.", code="SETTING_INVALID")
