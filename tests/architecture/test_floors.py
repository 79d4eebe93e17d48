"""Who may import whom: the diagram of ARCHITECTURE.md, read from the source itself."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PRODUCT = ("backend", "schema", "tenants", "migrations")

# From the top down. An import leads to a lower line or stays within its name; neighbours are strangers.
FLOORS = [
    {"backend.app", "backend.worker", "backend.cli", "backend.demo"},
    {"schema"},
    {"backend.web"},
    {"backend.alerts"},
    {"backend.boards"},
    {"backend.scorecards", "backend.insights", "backend.quality"},
    {"backend.metrics", "backend.ingestion"},
    {"backend.interactions"},
    {"backend.schedules"},
    {"backend.jobs"},
    {"backend.auth"},
    {"tenants"},
    {"backend.core"},
]
ROOTS = FLOORS[0]  # they put everything together: they know each other, and alone know migrations
LEVEL = {name: level for level, names in enumerate(FLOORS) for name in names}

LOWERING = "backend.metrics.planning.lowering"  # where a plan becomes SQL
LONGEST = 400  # lines of a file; migrations only ever grow by new files
SHAPELESS = {"utils", "util", "helpers", "helper", "common", "base", "manager", "managers", "misc"}


def modules(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((PROJECT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it; `from a import b` gives both a and a.b."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def floor_of(module: str) -> str | None:
    """The name in FLOORS that a module belongs to; None for everything that is not ours."""
    parts = module.split(".")
    for length in (2, 1):
        if (name := ".".join(parts[:length])) in LEVEL:
            return name
    return None


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def offenders(package: str, *allowed: str) -> list[str]:
    """Product modules outside the allowed ones that import a package."""
    return [
        name_of(path)
        for path in modules(*PRODUCT)
        if not within(name_of(path), *allowed) and any(within(module, package) for module in imports(path))
    ]


def may_import(importer: str, module: str) -> bool:
    """Whether one of our modules may import a module; strangers to the diagram always may be."""
    here, there = floor_of(importer), floor_of(module)
    if there is None or there == here or (here in ROOTS and there in ROOTS):
        return True
    return here is not None and LEVEL[there] > LEVEL[here]


def test_imports_go_down_only():
    wrong = [
        f"{name_of(path)} imports {module}"
        for path in modules("backend", "schema", "tenants")
        for module in imports(path)
        if not may_import(name_of(path), module)
    ]
    assert wrong == []


def test_every_module_stands_on_a_floor():
    lost = [name_of(path) for path in modules("backend", "schema", "tenants") if not floor_of(name_of(path))]
    assert lost == ["backend"]


@pytest.mark.parametrize(
    "importer, module, allowed",
    [
        ("schema.metrics.queries", "backend.metrics.evaluator", True),
        ("backend.metrics.evaluator", "schema", False),
        ("backend.metrics.evaluator", "backend.ingestion.models", False),
        ("backend.interactions.models", "backend.metrics.models", False),
        ("tenants.registry", "backend.core.errors", True),
        ("tenants.registry", "backend.auth.scope", False),
        ("backend.core.errors", "tenants", False),
        ("backend.cli.tokens", "backend.app", True),
        ("backend.web.identity", "backend.app", False),
    ],
)
def test_the_diagram_is_read_as_it_is_drawn(importer, module, allowed):
    assert may_import(importer, module) is allowed


def test_migrations_are_imported_by_the_composition_roots_alone():
    assert offenders("migrations", "migrations", *ROOTS) == []


def test_migrations_know_tables_and_tenants_only():
    for path in modules("migrations"):
        for module in imports(path):
            if within(module, "backend"):
                ours = module == "backend" or within(module, "backend.core") or ".models" in module
                assert ours, f"{name_of(path)} imports {module}"
            assert not within(module, "schema"), f"{name_of(path)} imports {module}"


def test_only_the_schema_knows_graphql():
    assert offenders("strawberry", "schema") == []
    assert offenders("graphql", "schema") == []


def test_only_tenants_connect():
    assert offenders("asyncpg", "tenants", "migrations") == []
    assert offenders("sqlalchemy.ext.asyncio", "tenants", "migrations") == []
    for name in ("create_engine", "create_async_engine", "create_pool"):
        assert offenders(f"sqlalchemy.{name}", "tenants") == []


def test_sql_is_text_only_where_the_door_is():
    """`text` in a table module is a server default or an index's condition, never a statement."""
    users = offenders("sqlalchemy.text", "tenants", "migrations")
    assert [name for name in users if not name.endswith(".models")] == []
    for path in modules("backend", "schema"):
        calls = {node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
        assert "exec_driver_sql" not in calls, name_of(path)


def test_orm_is_not_used():
    assert offenders("sqlalchemy.orm") == []


def test_the_language_needs_only_the_standard_library():
    for path in modules("backend/metrics/language"):
        for module in imports(path):
            ours = within(module, "backend.metrics.language") or module in ("backend", "backend.metrics")
            assert ours or module.split(".")[0] in sys.stdlib_module_names, (
                f"{name_of(path)} imports {module}"
            )


def test_in_metrics_few_modules_speak_sql():
    users = [name for name in offenders("sqlalchemy", LOWERING) if within(name, "backend.metrics")]
    assert [name for name in users if name.rpartition(".")[2] not in ("models", "repository")] == []


def test_a_module_is_short_and_named_for_what_it_is():
    shapeless = [name_of(path) for path in modules(*PRODUCT, "tests") if path.stem in SHAPELESS]
    long = [
        name_of(path)
        for path in modules(*PRODUCT, "tests")
        if len(path.read_text(encoding="utf-8").splitlines()) > LONGEST and path.parent.name != "versions"
    ]
    assert (shapeless, long) == ([], [])


def test_a_module_says_what_it_is():
    assert [name_of(path) for path in modules(*PRODUCT) if not ast.get_docstring(tree(path))] == []


def test_tests_are_a_package_at_every_level():
    bare = {path.parent for path in modules("tests") if not (path.parent / "__init__.py").exists()}
    assert bare == set()
