"""The public data sets beside the project; tests that read them are skipped where they are absent."""

from __future__ import annotations

from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
DATA = PROJECT.parent / "shared" / "data"
INGESTION = PROJECT / "backend" / "ingestion"
MAPPINGS = PROJECT / "tests" / "mappings"

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"needs the public data sets in {DATA}")
