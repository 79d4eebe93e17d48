"""What an editor of formulas asks while someone types: is it right, what does it say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from backend.core.errors import Problem
from backend.metrics import definitions, repository
from backend.metrics.kpi import Kpi
from backend.metrics.language.compiler import compile_formula
from backend.metrics.language.parser import parse
from backend.metrics.language.sentence import Tongue, render_sentence
from backend.metrics.language.types import Unit, Vocabulary
from backend.metrics.timeline import Timeline, find_broken
from tenants.database import ReadSession


@dataclass(frozen=True, slots=True)
class CheckedFormula:
    """A formula as it would be stored and read aloud; all None exactly if there are problems."""

    problems: tuple[Problem, ...]
    canonical: str | None = None
    unit: Unit | None = None
    sentence: str | None = None


async def check_formula(
    session: ReadSession, text: str, *, key: str | None, tongue: Tongue, now: datetime
) -> CheckedFormula:
    """Whether a formula makes sense, and with `key` whether that KPI could have it from today on: the same
    checks that storing it makes. Nothing is stored.
    """
    today = definitions.today_of(session, now)
    kpis = await repository.list_kpis(session, today)
    vocabulary = await definitions.get_vocabulary(session)
    formulas = {one.key: one.formula for one in kpis}
    if key is None:
        timeline = Timeline({one: [(date.min, formula)] for one, formula in formulas.items()}, today)
        name = ""  # no reference can name it
    else:
        timeline = Timeline.of(await repository.list_versions(session), today)
        name = key
    after = timeline.revised(name, text, today)
    problems = find_broken(timeline, after, name, today, vocabulary)
    bound = compile_formula(text, vocabulary, formulas, key=key).formula
    if problems or bound is None:
        return CheckedFormula(tuple(problems))
    sentence = say_formula(text, vocabulary, kpis, tongue)
    return CheckedFormula((), bound.canonical, bound.type.unit, sentence)


def say_formula(text: str, vocabulary: Vocabulary, kpis: list[Kpi], tongue: Tongue) -> str | None:
    """The formula in plain words, other KPIs by their names; None when it cannot be read."""
    formula = parse(text).formula
    if formula is None:
        return None
    names = {one.key: one.name_zh if tongue is Tongue.ZH else one.name_en for one in kpis}
    return render_sentence(formula, vocabulary, tongue, names)
