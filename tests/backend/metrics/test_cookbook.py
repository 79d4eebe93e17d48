"""docs/cookbook.md: its formulas are canonical, mean what it says they mean, and can be answered."""

from __future__ import annotations

import re
from pathlib import Path

from backend.metrics.catalogue import CATALOGUE
from backend.metrics.language.compiler import compile_formula
from backend.metrics.language.parser import parse
from backend.metrics.language.sentence import render_sentence
from backend.metrics.language.vocabulary import build_vocabulary
from tests.backend.metrics.builders import World, asked
from tests.backend.metrics.catalogue.facts import a_day_in_the_shop

PAGE = (Path(__file__).parents[3] / "docs" / "cookbook.md").read_text(encoding="utf-8")
FORMULAS = re.findall(r"^```formula\n(.+?)\n```\n\n> (.+)\n", PAGE, re.MULTILINE)
NAMES = {one.key: one.name_en for one in CATALOGUE}


def test_each_formula_is_followed_by_what_it_means():
    assert len(FORMULAS) >= 20
    for text, sentence in FORMULAS:
        bound = compile_formula(text, build_vocabulary(), {one.key: one.formula for one in CATALOGUE})
        assert bound.formula is not None, (text, bound.diagnostics)
        assert bound.formula.canonical == text
        formula = parse(text).formula
        assert formula is not None
        assert render_sentence(formula, build_vocabulary(), kpi_names=NAMES) == sentence


async def test_each_formula_has_an_answer(world: World):
    await a_day_in_the_shop(world)
    for at in range(0, len(FORMULAS), 20):
        texts = [text for text, _ in FORMULAS[at : at + 20]]
        [answer] = await world.ask_all(asked(*texts))
        assert not isinstance(answer, Exception), answer
        assert len(answer.totals) == len(texts)
