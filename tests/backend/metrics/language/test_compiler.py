"""The compiler remembers, and never serves what is no longer so."""

from __future__ import annotations

import time
from dataclasses import replace

from backend.metrics.language.compiler import Compiler
from backend.metrics.language.vocabulary import build_vocabulary
from tests.backend.metrics.language.corpus import DEFINITIONS, VOCABULARY


def test_the_same_question_gives_the_same_object() -> None:
    compiler = Compiler()
    first = compiler.compile("@csat where answered", VOCABULARY, DEFINITIONS)
    assert compiler.compile("@csat where answered", VOCABULARY, dict(DEFINITIONS)) is first
    assert compiler.compile("@csat where escalated", VOCABULARY, DEFINITIONS) is not first


def test_an_edited_kpi_is_seen_at_once_also_through_another() -> None:
    compiler = Compiler()
    definitions = {"top": "1 - @inner", "inner": "share(answered)"}
    first = compiler.compile("@top", VOCABULARY, definitions)
    second = compiler.compile("@top", VOCABULARY, definitions | {"inner": "share(abandoned)"})
    assert first.formula != second.formula
    assert compiler.compile("@top", VOCABULARY, definitions).formula == first.formula


def test_a_text_is_remembered_by_several_definitions_and_not_by_any_number() -> None:
    compiler = Compiler()
    made = [compiler.compile("@inner * 2", VOCABULARY, {"inner": f"count() + {n}"}) for n in range(20)]
    for number in (19, 15, 12):
        definitions = {"inner": f"count() + {number}"}
        assert compiler.compile("@inner * 2", VOCABULARY, definitions) is made[number]
    again = compiler.compile("@inner * 2", VOCABULARY, {"inner": "count() + 0"})
    assert again is not made[0]
    assert again == made[0]
    assert len(compiler) == 1


def test_a_kpi_that_was_missing_and_now_is_there_is_seen() -> None:
    compiler = Compiler()
    assert compiler.compile("@new", VOCABULARY, {}).formula is None
    assert compiler.compile("@new", VOCABULARY, {"new": "count()"}).formula is not None


def test_other_definitions_do_not_matter() -> None:
    compiler = Compiler()
    first = compiler.compile("@csat", VOCABULARY, DEFINITIONS)
    assert compiler.compile("@csat", VOCABULARY, DEFINITIONS | {"unrelated": "count()"}) is first


def test_tenants_with_other_attributes_or_money_are_kept_apart() -> None:
    compiler = Compiler()
    assert compiler.compile("count(where region = 'x')", VOCABULARY, {}).formula is not None
    assert compiler.compile("count(where region = 'x')", build_vocabulary(2), {}).formula is None
    dollars = compiler.compile("sum(amount)", build_vocabulary(2), {}).formula
    yen = compiler.compile("sum(amount)", build_vocabulary(0), {}).formula
    assert dollars is not None
    assert yen is not None
    assert (dollars.type.scale, yen.type.scale) == (100, 1)


def test_a_vocabulary_without_a_version_is_never_kept() -> None:
    compiler = Compiler()
    compiler.compile("count()", replace(VOCABULARY, version=""), {})
    assert len(compiler) == 0


def test_the_memory_is_bounded_and_forgets_the_oldest_use() -> None:
    compiler = Compiler(capacity=2)
    first = compiler.compile("count()", VOCABULARY, {})
    compiler.compile("count() + 1", VOCABULARY, {})
    assert compiler.compile("count()", VOCABULARY, {}) is first
    compiler.compile("count() + 2", VOCABULARY, {})
    assert len(compiler) == 2
    assert compiler.compile("count()", VOCABULARY, {}) is first


def test_what_cannot_be_read_is_not_kept() -> None:
    compiler = Compiler()
    compiler.compile("count(" * 100_000, VOCABULARY, {})
    assert len(compiler) == 0


def test_it_is_quick() -> None:
    compiler = Compiler()
    text = "count(where abandoned) / (count() - count(where abandoned and wait_time < 5s)) at queued"
    began = time.perf_counter()
    for number in range(100):
        compiler.compile(f"{text} where transfers != {number}"[:4096], VOCABULARY, DEFINITIONS)
        compiler.compile(f"@csat - {number}", VOCABULARY, DEFINITIONS)
    fresh = (time.perf_counter() - began) / 200
    began = time.perf_counter()
    for _ in range(100):
        compiler.compile("@csat - 1", VOCABULARY, DEFINITIONS)
    kept = (time.perf_counter() - began) / 100
    assert fresh < 0.01
    assert kept < 0.001  # of 10 ms and 1 ms that the whole of parsing, binding and planning may take
