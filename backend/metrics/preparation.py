"""A question as asked to one that can be planned: every name gets its meaning, or a reason why not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from backend.core.currencies import MINOR_DIGITS
from backend.core.errors import Forbidden, Invalid, Problem
from backend.core.windows import Grain, Window, check_zone
from backend.metrics.kpi import Kpi
from backend.metrics.language.binder import bind_condition
from backend.metrics.language.bound import BoundFormula, Row
from backend.metrics.language.compiler import compile_formula
from backend.metrics.language.diagnostics import find_nearest
from backend.metrics.language.types import Fact, Field, Unit, Vocabulary
from backend.metrics.language.vocabulary import Attribute, build_vocabulary
from backend.metrics.planning.cells import all_of, narrowed, of_member
from backend.metrics.planning.parts import aggregates_of
from backend.metrics.planning.planner import ALL, Split, Task
from backend.metrics.planning.reach import find_reach, find_unreachable, has_agent
from backend.metrics.planning.shaping import BUCKET, Wanted
from backend.metrics.planning.sources import Listing, scan_of, sources
from backend.metrics.problems import problems_of
from backend.metrics.proofs import CellPlace, Drill, Side
from backend.metrics.questions import KpiAsk, KpiDescription, Order, Question, Restriction

MOST_KPIS = 50
MOST_DIMENSIONS = 4
MOST_BUCKETS = 10_000  # a year of hours is 8,784
MOST_ROWS = 10_000  # as a limit; without one, the cells are counted
MOST_NEAREST = 3  # dimensions named where one is misspelt
LIKENESS = 0.7  # of 1; at difflib's 0.6 all of “survey.x” looks like “survey.y”
LONGEST_KEY = 100
EARLIEST, LATEST = 1900, 2200  # years: beyond them calendars overflow, and no contact was there

_SHORTEST_BUCKET = {  # in seconds, so that the count is never under
    Grain.HOUR: 3600,
    Grain.DAY: 23 * 3600,
    Grain.WEEK: 7 * 23 * 3600,
    Grain.MONTH: 28 * 23 * 3600,
    Grain.QUARTER: 90 * 23 * 3600,
    Grain.YEAR: 365 * 23 * 3600,
}


@dataclass(frozen=True, slots=True)
class Preparation:
    """What the questions of one tenant are understood by, at one instant."""

    kpis: Mapping[str, Kpi]
    vocabulary: Vocabulary
    zone: str
    currency: str
    restriction: Restriction

    @classmethod
    def of(
        cls,
        kpis: Iterable[Kpi],
        attributes: Sequence[Attribute],
        zone: str,
        currency: str,
        restriction: Restriction,
    ) -> Preparation:
        """The preparation of a tenant's questions."""
        by_key = {one.key: one for one in kpis}
        vocabulary = build_vocabulary(MINOR_DIGITS.get(currency, 2), attributes)
        return cls(by_key, vocabulary, zone, currency, restriction)

    def prepare(self, question: Question) -> Wanted:
        """The question with its formulas, fields and limits settled.

        Raises Invalid, with problems where a person can mend them in place, and Forbidden.
        """
        _check_size(question)
        _check_window(question)
        dimensions = tuple(self._dimension(name) for name in question.dimensions)
        asked = [self._kpi(at, ask) for at, ask in enumerate(question.kpis)]
        where = self._where(question.where)
        for formula, description in asked:
            self._check_reach(formula, description.key, dimensions, where)
        _check_order(question, dimensions)
        window = question.window
        previous = window.compared(question.comparison) if window and question.comparison else None
        ranked_by_kpi = question.order is not None and question.order.by not in (*question.dimensions, BUCKET)
        task = Task(
            tuple(formula for formula, _ in asked),
            where,
            window,
            previous,
            Split(question.grain, dimensions),
            by_member=question.grain is not None and bool(dimensions) and ranked_by_kpi,
        )
        minimum_samples = tuple(
            self.kpis[ask.key].minimum_sample if ask.formula is None else 1 for ask in question.kpis
        )
        zone = window.zone if window else self.zone
        descriptions = tuple(description for _, description in asked)
        return Wanted(task, descriptions, minimum_samples, question.order, question.limit, zone)

    def prepare_cell(self, question: Question, place: CellPlace) -> Wanted:
        """One cell of a question as a question of its own: its bucket as the window, its members as a filter.

        Comparison, order and limit choose and compare rows of an answer, and say nothing of a cell. Raises as
        `prepare` does, and Invalid where there is no such bucket (BUCKET_UNKNOWN) or member (CELL_MEMBER_INVALID).
        """
        names = tuple(name for name, _ in place.members)
        wanted = self.prepare(replace(question, dimensions=names, comparison=None, order=None, limit=None))
        task = wanted.task
        window = task.window
        if place.bucket is not None:
            if question.grain is None or window is None:
                raise Invalid("A bucket needs a grain and a window.", code="BUCKET_UNKNOWN")
            window = narrowed(window, question.grain, place.bucket)
        keys = [key for _, key in place.members]
        members = [of_member(*one) for one in zip(task.split.dimensions, keys, strict=True)]
        where = all_of([*([task.where] if task.where else []), *members])
        return replace(wanted, task=replace(task, where=where, window=window, split=ALL, by_member=False))

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
        scan = scan_of(task, aggregates[0])
        fields = tuple(choose(self.vocabulary, self.vocabulary.facts[scan.basis.fact]))
        return Listing(scan, aggregates, drill.side is Side.NUMERATOR, fields)

    def _kpi(self, at: int, ask: KpiAsk) -> tuple[BoundFormula, KpiDescription]:
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
        text = kpi.formula if kpi else ask.formula or ""
        formulas = {one.key: one.formula for one in self.kpis.values()}
        bound = compile_formula(text, self.vocabulary, formulas, key=kpi.key if kpi else None)
        formula = bound.formula
        if formula is None:
            raise Invalid(
                f"The formula of “{ask.key}” cannot be understood.",
                code="FORMULA_INVALID",
                problems=problems_of(bound.diagnostics, ("kpis", at, "formula")),
            )
        first = next(aggregates_of(formula.expression))
        unit = Unit(kpi.unit) if kpi and kpi.unit else formula.type.unit
        return formula, KpiDescription(
            ask.key,
            kpi.name_en if kpi else ask.key,
            kpi.name_zh if kpi else ask.key,
            unit,
            kpi.direction if kpi else None,
            formula.canonical,
            first.basis.anchor,
            self.currency if unit is Unit.MONEY else None,
        )

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


def _check_size(question: Question) -> None:
    keys = [ask.key for ask in question.kpis]
    if not 1 <= len(keys) <= MOST_KPIS:
        raise Invalid(f"Ask for 1 to {MOST_KPIS} KPIs at once, not {len(keys)}.", code="KPIS_OUT_OF_RANGE")
    repeated = next((key for at, key in enumerate(keys) if key in keys[:at]), None)
    if repeated is not None:
        raise Invalid(f"“{repeated}” is asked for twice.", code="KPI_REPEATED")
    if any(not 1 <= len(key) <= LONGEST_KEY for key in keys):
        raise Invalid(f"A KPI's name has 1 to {LONGEST_KEY} characters.", code="KPI_NAME_LENGTH")
    if len(question.dimensions) > MOST_DIMENSIONS:
        raise Invalid(f"At most {MOST_DIMENSIONS} dimensions at once.", code="TOO_MANY_DIMENSIONS")
    if len(set(question.dimensions)) < len(question.dimensions):
        raise Invalid("A dimension is given twice.", code="DIMENSION_REPEATED")
    if question.limit is not None and not 1 <= question.limit <= MOST_ROWS:
        raise Invalid(f"A limit lies between 1 and {MOST_ROWS:,}.", code="LIMIT_OUT_OF_RANGE")


def _check_window(question: Question) -> None:
    window = question.window
    if window is None:
        if question.grain is not None or question.comparison is not None:
            raise Invalid("A grain or a comparison needs a window.", code="WINDOW_NEEDED")
        return
    check_zone(window.zone)
    if window.start.year < EARLIEST or window.end.year > LATEST:
        raise Invalid(f"A window lies between the years {EARLIEST} and {LATEST}.", code="WINDOW_OUT_OF_RANGE")
    if question.grain is not None and _most_buckets(window, question.grain) > MOST_BUCKETS:
        raise Invalid(
            f"The window has more than {MOST_BUCKETS:,} buckets; take a coarser grain.",
            code="TOO_MANY_BUCKETS",
        )


def _most_buckets(window: Window, grain: Grain) -> int:
    return int((window.end - window.start).total_seconds() // _SHORTEST_BUCKET[grain]) + 2


def _check_order(question: Question, dimensions: Sequence[Field]) -> None:
    order: Order | None = question.order
    if order is None:
        return
    known = [*(ask.key for ask in question.kpis), *(one.name for one in dimensions)]
    if question.grain is not None:
        known.append(BUCKET)
    if order.by not in known:
        raise Invalid(
            f"The rows cannot be ordered by “{order.by}”; choose from {', '.join(known)}.",
            code="ORDER_UNKNOWN",
        )
