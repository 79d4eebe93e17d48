"""What a change of a definition would do to its numbers, before it is published. Pure: nothing is read or stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from backend.core.errors import Invalid, Problem
from backend.metrics.acceptance import find_key_faults
from backend.metrics.kpi import DatedFormula, Kpi
from backend.metrics.language.formatter import format_formula
from backend.metrics.language.parser import parse
from backend.metrics.planning.shaping import Wanted
from backend.metrics.preparation import Preparation
from backend.metrics.questions import Answer, KpiAsk, Question
from backend.metrics.timeline import find_broken_users, find_mistakes


@dataclass(frozen=True, slots=True)
class Draft:
    """A formula that a KPI is to have, also one that is not there yet; from a local day on, or None."""

    key: str
    formula: str
    effective_from: date | None = None


class TouchedKind(StrEnum):
    """What rests on a KPI."""

    KPI = "kpi"
    SCORECARD = "scorecard"
    BOARD = "board"


@dataclass(frozen=True, slots=True)
class Touched:
    """Something whose numbers would change; `problem` says why it would no longer make sense, None if it would."""

    kind: TouchedKind
    key: str
    name_en: str
    name_zh: str
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """Numbers by several definitions on the same rows: which column of `answer` is which side's.

    `old` is by the definitions as they are, None for a KPI that is not there or whose formula makes no sense;
    `new` has the draft for all of time; `published` the draft from its day on and what holds now before. It is None
    where there is no day or no `old`. `differences` are new minus old, None where either has no value.
    """

    answer: Answer
    old: int | None
    new: int
    published: int | None
    differences: list[float | None] | None
    total_difference: float | None
    touched: tuple[Touched, ...]


@dataclass(frozen=True, slots=True)
class Previewing:
    """A preview that is ready to be planned: `places` says which column is which side's."""

    draft: Draft
    wanted: Wanted
    places: Mapping[str, int]
    touched: tuple[Touched, ...]

    def of(self, answer: Answer) -> Preview:
        """The preview of what was answered."""
        for column in answer.columns:
            column.kpi = replace(column.kpi, key=self.draft.key)
        old, new = self.places.get(_OLD), self.places[_NEW]
        differences = total = None
        if old is not None:
            before, after = (answer.columns[at].values for at in (old, new))
            differences = [_difference(*pair) for pair in zip(before, after, strict=True)]
            total = _difference(answer.totals[old].value, answer.totals[new].value)
        return Preview(answer, old, new, self.places.get(_PUBLISHED), differences, total, self.touched)


_OLD, _NEW, _PUBLISHED = "old", "new", "published"


def prepare_preview(preparation: Preparation, draft: Draft, question: Question) -> Previewing:
    """A question, whose KPIs do not matter, with the sides of a draft for KPIs.

    Raises Invalid with problems: what publishing would be refused for, but for KPIs that refer to this one; those
    are `touched`. And what `Preparation.prepare` raises.
    """
    history = preparation.history
    _check(preparation, draft)
    stored = preparation.kpis.get(draft.key)
    kpis = dict(preparation.kpis)
    asks = {_NEW: KpiAsk(f"{draft.key} (new)")}  # a name that no formula can refer to
    number = history.all(draft.key)[-1].version + 1 if stored else 1
    begins = draft.effective_from or history.today
    written = DatedFormula(number, _canonical(draft.formula), begins)
    history = history.with_kpi(asks[_NEW].key, [written])
    if stored is not None:
        asks = {_OLD: KpiAsk(draft.key), **asks}
        if draft.effective_from is not None:
            asks[_PUBLISHED] = KpiAsk(f"{draft.key} (published)")
            versions = [*history.all(draft.key), written]
            history = history.with_kpi(asks[_PUBLISHED].key, versions, until=begins)
    template = stored or Kpi(draft.key, draft.key, draft.key, written.formula, "outcome", None)
    kpis |= {ask.key: replace(template, key=ask.key) for ask in asks.values()}
    preparation = replace(preparation, kpis=kpis, history=history)
    asks = {
        side: ask for side, ask in asks.items() if side == _NEW or _makes_sense(preparation, question, ask)
    }
    if _OLD not in asks:
        asks.pop(_PUBLISHED, None)
    wanted = preparation.prepare(replace(question, kpis=tuple(asks.values())))
    return Previewing(draft, wanted, {side: at for at, side in enumerate(asks)}, _touched(preparation, draft))


def _check(preparation: Preparation, draft: Draft) -> None:
    history = preparation.history
    problems = [] if draft.key in history else find_key_faults(draft.key)
    begins = draft.effective_from or history.today
    if begins < history.today:
        message = f"A revision holds from today ({history.today.isoformat()}) or a later day on."
        problems.append(Problem("EFFECTIVE_DATE_PAST", message, ("effective_from",)))
    else:
        before = history.timeline
        after = before.revised(draft.key, draft.formula, begins)
        problems += find_mistakes(before, after, draft.key, begins, preparation.vocabulary)
    if problems:
        raise Invalid("The KPI cannot be defined like this.", code=problems[0].code, problems=problems)


def _touched(preparation: Preparation, draft: Draft) -> tuple[Touched, ...]:
    before = preparation.history.timeline
    begins = draft.effective_from or preparation.history.today
    after = before.revised(draft.key, draft.formula, begins)
    broken = find_broken_users(before, after, draft.key, begins, preparation.vocabulary)
    named = [preparation.kpis[key] for key in before.resting_on(draft.key)]
    return tuple(
        Touched(TouchedKind.KPI, one.key, one.name_en, one.name_zh, broken.get(one.key)) for one in named
    )


def _makes_sense(preparation: Preparation, question: Question, ask: KpiAsk) -> bool:
    """Whether a stored formula can still be read; a broken one is what a preview may be there to mend."""
    try:
        preparation.prepare(replace(question, kpis=(ask,)))
    except Invalid as error:
        if error.code == "FORMULA_INVALID":
            return False
        raise
    return True


def _canonical(text: str) -> str:
    formula = parse(text).formula
    return text if formula is None else format_formula(formula)


def _difference(old: float | None, new: float | None) -> float | None:
    return None if old is None or new is None else new - old
