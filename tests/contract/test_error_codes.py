"""The page of error codes names every code in the source, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PAGE = PROJECT / "frontend-contract" / "error-codes.md"

CODE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
SHORT = {
    "INVALID",
    "CONFLICT",
    "FORBIDDEN",
    "EXHAUSTED",
    "UNAVAILABLE",
    "UNAUTHENTICATED",
    "INTERNAL",
    "SYNTAX",
}
# Texts that look like codes and are names of something else.
OTHERS = {"LC_ALL", "PG_VERSION", "SC_PAGE_SIZE", "SC_PHYS_PAGES", "XDG_RUNTIME_DIR", "DATABASE_URL"}


def codes_of(path: Path) -> Iterator[str]:
    """Texts of a module that read like a code; names a module exports are none."""
    tree = ast.parse(path.read_text("utf-8"))
    exported = {
        id(item)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and any(getattr(target, "id", "") == "__all__" for target in node.targets)
        for item in ast.walk(node.value)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in exported:
            continue
        if CODE.fullmatch(node.value) or node.value in SHORT:
            yield node.value


def test_the_page_and_the_source_agree() -> None:
    modules = [
        path for folder in ("backend", "schema", "tenants") for path in (PROJECT / folder).rglob("*.py")
    ]
    in_source = {code for path in modules for code in codes_of(path)} - OTHERS
    rows = re.findall(r"^\| `([A-Z_0-9]+)` \| \S", PAGE.read_text("utf-8"), re.MULTILINE)
    assert len(rows) == len(set(rows)), "a code stands on the page twice"
    assert sorted(in_source - set(rows)) == [], "codes that the page lacks"
    assert sorted(set(rows) - in_source) == [], "rows whose code no longer exists"
