"""Writes the manifest of the documents that the product comes with: `python -m schema.trusted.manifest`."""

from __future__ import annotations

import msgspec

from backend.core.settings import PROJECT
from schema.trusted.documents import MANIFEST, PREFIX, digest_of

OPERATIONS = PROJECT / "frontend-contract" / "operations"


def manifest() -> bytes:
    """The operations of the contract, each by its digest, in the order of their files."""
    texts = [path.read_text("utf-8") for path in sorted(OPERATIONS.glob("*.graphql"))]
    written = msgspec.json.encode({PREFIX + digest_of(text): text for text in texts})
    return msgspec.json.format(written, indent=2) + b"\n"


if __name__ == "__main__":
    MANIFEST.write_bytes(manifest())
