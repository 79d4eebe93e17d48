"""A question as asked to one that can be planned: every name gets its meaning, or a reason why not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches

from backend.core.currencies import MINOR_DIGITS
from backend.core.errors import DomainError, Forbidden, Invalid, Problem
from backend.metrics.bounds import LONGEST_KEY, check_moment, check_order, check_size, check_window, ends_of
from backend.metrics.history import History
from backend.metrics.judging import aim_of
from backend.metrics.kpi import Kpi
from backend.metrics.language.binder import bind_condition
from backend.metrics.language.bound import BoundFormula, Row
from backend.metrics.language.compiler import compile_formula
from backend.metrics.language.diagnostics import find_nearest
from backend.metrics.language.types import Fact, Field, Unit, Vocabulary
from backend.metrics.language.vocabulary import Attribute, build_vocabulary
from backend.metrics.planning.cells import narrowed, of_member
from backend.metrics.planning.comparing import Watch
from backend.metrics.planning.editions import Editions, Ends
from backend.metrics.planning.parts import aggregates_of
from backend.metrics.planning.planner import ALL, Split, Task
from backend.metrics.planning.reach import find_reach, find_unreachable, has_agent
from backend.metrics.planning.shaping import BUCKET, Wanted
from backend.metrics.planning.sources import Listing, sources
from backend.metrics.problems import problems_of
from backend.metrics.proofs import CellPlace, Drill, Side
from backend.metrics.questions import KpiAsk, KpiDescription, Question, Restriction

MOST_NEAREST = 3  # dimensions named where one is misspelt
LIKENESS = 0.7  # of 1; at difflib's 0.6 all of “survey.x” looks like “survey.y”


@dataclass(frozen=True, slots=True)
class Preparation:
    """What the questions of one tenant are understood by, at one instant."""

    kpis: Mapping[str, Kpi]
    vocabulary: Vocabulary
    zone: str
    currency: str
    restriction: Restriction
    history: History

    @classmethod
    def of(
        cls,
        kpis: Iterable[Kpi],
        attributes: Sequence[Attribute],
        zone: str,
        currency: str,
        restriction: Restriction,
        history: History | None = None,
    ) -> Preparation:
        """The preparation of a tenant's questions; without a history the KPIs have always been as they are."""
        by_key = {one.key: one for one in kpis}
        vocabulary = build_vocabulary(MINOR_DIGITS.get(currency, 2), attributes)
        return cls(
            by_key, vocabulary, zone, currency, restriction, history or History.of(by_key.values(), zone)
        )

    def prepare(self, question: Question) -> Wanted:
        """The question with its formulas, fields and limits settled.

        Raises Invalid, with problems where a person can mend them in place, and Forbidden.
        """
        check_size(question)
        check_window(question)
        dimensions = tuple(self._dimension(name) for name in question.dimensions)
        window = question.window
        previous = window.compared(question.comparison) if window and question.comparison else None
        ends = ends_of(question)
        asked = [self._kpi(at, ask, ends) for at, ask in enumerate(question.kpis)]
        where = self._where(question.where)
        for each, one in asked:
            check_moment(each.last, one.key, window)
        settled = [(self._reachable(each, one.key, dimensions, where), one) for each, one in asked]
        check_order(question, dimensions)
        guardrails = self._guardrails(question, ends, dimensions, where)
        asks = (*question.kpis, *guardrails)
        settled += guardrails.values()
        editions = tuple(each for each, _ in settled)
        ranked_by_kpi = question.order is not None and question.order.by not in (*question.dimensions, BUCKET)
        task = Task(
            tuple(each.last for each in editions),
            where,
            window,
            previous,
            Split(question.grain, dimensions),
            by_member=question.grain is not None and bool(dimensions) and ranked_by_kpi,
            restricted=self.restriction != Restriction(),
            editions=editions if any(each.instants for each in editions) else (),
        )
        minimum_samples = tuple(
            self.kpis[ask.key].minimum_sample if ask.formula is None else 1 for ask in asks
        )
        zone = window.zone if window else self.zone
        descriptions = tuple(description for _, description in settled)
        watches = self._watches(asks) if previous and question.judged else ()
        return Wanted(
            task,
            descriptions,
            minimum_samples,
            question.order,
            question.limit,
            zone,
            watches,
            len(guardrails),
        )

    def prepare_cell(self, question: Question, place: CellPlace) -> Wanted:
        """One cell of a question as a question of its own: its bucket as the window, its members as a filter.

        Comparison, order and limit choose and compare rows of an answer, and say nothing of a cell. Raises as
        `prepare` does, and Invalid where there is no such bucket (BUCKET_UNKNOWN) or member (CELL_MEMBER_INVALID).
        """
        names = tuple(name for name, _ in place.members)
        question = replace(question, dimensions=names, comparison=None, order=None, limit=None)
        check_window(question)
        window = question.window
        if place.bucket is not None:
            if question.grain is None or window is None:
                raise Invalid("A bucket needs a grain and a window.", code="BUCKET_UNKNOWN")
            window = narrowed(window, question.grain, place.bucket)
        wanted = self.prepare(replace(question, window=window, grain=None))
        task = wanted.task
        keys = [key for _, key in place.members]
        dimensions = task.split.dimensions
        members = tuple((one, of_member(one, key)) for one, key in zip(dimensions, keys, strict=True))
        return replace(wanted, task=replace(task, split=ALL, by_member=False, members=members))

    def prepare_drill(
        self, question: Question, drill: Drill, choose: Callable[[Vocabulary, Fact], Iterable[Field]]
    ) -> Listing:
        """The rows behind one cell of a question for one KPI, with the fields that `choose` names.

        Raises as `prepare_cell` does, and Invalid (KPIS_OUT_OF_RANGE, DRILL_AMBIGUOUS, AGGREGATE_UNKNOWN).
        """
        if len(question.kpis) != 1:
            raise Invalid("Rows are listed of one KPI at a time.", code="KPIS_OUT_OF_RANGE")
        task = self.prepare_cell(question, drill.place).task
        aggregates = sources(task.formulas[0].expression, drill)
        scan = task.population(*aggregates)
        fields = tuple(choose(self.vocabulary, self.vocabulary.facts[scan.basis.fact]))
        return Listing(scan, aggregates, drill.side is Side.NUMERATOR, fields)

    def _kpi(self, at: int, ask: KpiAsk, ends: Ends) -> tuple[Editions, KpiDescription]:
        kpi = None
        if ask.formula is None:
            kpi = self.kpis.get(ask.key)
            if kpi is None:
                nearest = find_nearest(ask.key, self.kpis)
                hint = f"Did you mean “{nearest}”?" if nearest else None
                message = f"There is no KPI “{ask.key}”."
                raise Invalid(
                    message,
                    code="KPI_UNKNOWN",
                    problems=[Problem("KPI_UNKNOWN", message, ("kpis", at), hint=hint)],
                )
        editions = self._editions(at, ask, ends)
        formula = editions.last
        first = next(aggregates_of(formula.expression))
        unit = Unit(kpi.unit) if kpi and kpi.unit else formula.type.unit
        return editions, KpiDescription(
            ask.key,
            kpi.name_en if kpi else ask.key,
            kpi.name_zh if kpi else ask.key,
            unit,
            kpi.direction if kpi else None,
            formula.canonical,
            first.basis.anchor,
            self.currency if unit is Unit.MONEY else None,
            self.history.versions(kpi.key, ends) if kpi else (),
        )

    def _guardrails(
        self, question: Question, ends: Ends, dimensions: Sequence[Field], where: Row | None
    ) -> dict[KpiAsk, tuple[Editions, KpiDescription]]:
        """The guardrails that a comparison needs beside what is asked for; not those that cannot be judged by:
        archived, without a direction, or of rows that the question does not reach.
        """
        if question.comparison is None or not question.judged:
            return {}
        defined = {ask.key: self.kpis[ask.key] for ask in question.kpis if ask.formula is None}
        named = [key for kpi in defined.values() if aim_of(kpi) for key in kpi.guardrails]
        found = {}
        for ask in (KpiAsk(key) for key in named if key not in defined and key in self.kpis):
            if ask in found or aim_of(self.kpis[ask.key]) is None:
                continue
            with suppress(Invalid, Forbidden):
                editions, description = self._kpi(0, ask, ends)
                found[ask] = self._reachable(editions, ask.key, dimensions, where), description
        return found

    def _watches(self, asks: Sequence[KpiAsk]) -> tuple[Watch, ...]:
        """How each of the KPIs of a comparison is judged; a formula of the asker's has no direction."""
        places = {ask.key: at for at, ask in enumerate(asks) if ask.formula is None}
        kpis = [self.kpis[ask.key] if ask.formula is None else None for ask in asks]
        return tuple(
            Watch(aim_of(one), tuple(places[key] for key in one.guardrails if key in places))
            if one
            else Watch(None)
            for one in kpis
        )

    def _editions(self, at: int, ask: KpiAsk, ends: Ends) -> Editions:
        """What a KPI or a formula says for cells with these ends.

        The last of them has to make sense; an earlier one may name what is gone since.
        """
        key = ask.key if ask.formula is None else None
        stretches = self.history.stretches(ask.formula, key, ends)
        compiled = [
            compile_formula(
                one.formulas[ask.key] if ask.formula is None else ask.formula,
                self.vocabulary,
                one.formulas,
                key=key,
            )
            for one in stretches
        ]
        last = compiled[-1].formula
        if last is None:
            raise Invalid(
                f"The formula of “{ask.key}” cannot be understood.",
                code="FORMULA_INVALID",
                problems=problems_of(compiled[-1].diagnostics, ("kpis", at, "formula")),
            )
        formulas, instants = [compiled[0].formula], []
        for one, stretch in zip(compiled[1:], stretches[1:], strict=True):
            if one.formula != formulas[-1]:
                formulas.append(one.formula)
                instants.append(stretch.since)
        # values of two units do not stand in one column
        return Editions(
            tuple(one if one and one.type.unit is last.type.unit else None for one in formulas),
            tuple(instants),
        )

    def _reachable(
        self, editions: Editions, key: str, dimensions: Sequence[Field], where: Row | None
    ) -> Editions:
        """The editions without those earlier ones that have no such dimension, or nothing to filter by.

        Raises Invalid and Forbidden where the last one is like that.
        """
        *earlier, last = editions.formulas
        self._check_reach(editions.last, key, dimensions, where)
        for at, formula in enumerate(earlier):
            try:
                if formula is not None:
                    self._check_reach(formula, key, dimensions, where)
            except DomainError:
                earlier[at] = None
        return replace(editions, formulas=(*earlier, last))

    def _where(self, text: str | None) -> Row | None:
        if text is None or not text.strip():
            return None
        condition = bind_condition(text, self.vocabulary)
        if condition.row is None:
            raise Invalid(
                "The filter cannot be understood.",
                code="FILTER_INVALID",
                problems=problems_of(condition.diagnostics, ("where",)),
            )
        return condition.row

    def _dimension(self, name: str) -> Field:
        field = self.vocabulary.find_field(tuple(name.split(".")))
        if field is not None and field.groupable:
            return field
        groupable = [one.name for one in self.vocabulary.fields.values() if one.groupable]
        code = "DIMENSION_UNKNOWN" if field is None else "DIMENSION_NOT_GROUPABLE"
        message = (
            f"There is no dimension “{name}”."
            if field is None
            else f"“{name}” has too many values to group by."
        )
        nearest = _nearest_dimensions(name, groupable) if field is None else []
        hint = f"Did you mean {' or '.join(f'“{one}”' for one in nearest)}?" if nearest else None
        raise Invalid(message, code=code, problems=[Problem(code, message, ("dimensions", name), hint=hint)])

    def _check_reach(
        self, formula: BoundFormula, key: str, dimensions: Sequence[Field], where: Row | None
    ) -> None:
        facts = dict.fromkeys(one.basis.fact for one in aggregates_of(formula.expression))
        for fact in (self.vocabulary.facts[name] for name in facts):
            self._check_restriction(fact)
            for dimension in dimensions:
                if find_reach(fact, dimension) is None:
                    raise Invalid(
                        f"“{key}” counts {fact.label_en}, which have no {dimension.name}.",
                        code="DIMENSION_NOT_REACHABLE",
                    )
            missing = find_unreachable(fact, where) if where is not None else None
            if missing is not None:
                raise Invalid(
                    f"“{key}” counts {fact.label_en}, which have no {missing} to filter by.",
                    code="FILTER_NOT_REACHABLE",
                )

    def _check_restriction(self, fact: Fact) -> None:
        if self.restriction != Restriction() and not has_agent(fact):
            raise Forbidden(
                f"You may see your own results only, and {fact.label_en} belong to no agent.",
                code="FACT_NOT_YOURS",
            )


def _nearest_dimensions(name: str, groupable: Sequence[str]) -> list[str]:
    """Up to MOST_NEAREST dimensions whose names, or the last steps of them, look like it; the likeliest first."""
    wanted = name.lower()[:LONGEST_KEY]
    last_steps = {one.rpartition(".")[2]: one for one in reversed(groupable)}
    spoken = last_steps | {one: one for one in groupable}
    close = [
        *get_close_matches(wanted, spoken, MOST_NEAREST, LIKENESS),
        *get_close_matches(wanted.rpartition(".")[2], spoken, MOST_NEAREST, LIKENESS),
    ]
    return list(dict.fromkeys(spoken[one] for one in close))[:MOST_NEAREST]
