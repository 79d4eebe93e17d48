"""The one door to numbers: questions in, answers out, one snapshot for all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import datetime

from backend.core.clock import Clock
from backend.core.errors import DomainError, Invalid, Problem
from backend.metrics import definitions, repository
from backend.metrics.clocks import find_clocks, held_in
from backend.metrics.language.bound import Row
from backend.metrics.planning.frames import Frames
from backend.metrics.planning.lowering import (
    Estimate,
    Lowered,
    Setting,
    lower,
    lower_explain,
    lower_listing,
    lower_tally,
    read_estimate,
    spell,
)
from backend.metrics.planning.members import Members
from backend.metrics.planning.parts import aggregates_of
from backend.metrics.planning.passing import is_passing
from backend.metrics.planning.planner import Statement, Task, plan
from backend.metrics.planning.proving import by_scan, prove, with_aggregates
from backend.metrics.planning.reach import read_by
from backend.metrics.planning.shaping import Wanted, shape
from backend.metrics.planning.sources import all_fields, drilled, own_fields
from backend.metrics.preparation import Preparation
from backend.metrics.preview import Draft, Preview, prepare_preview
from backend.metrics.proofs import TOTAL, CellPlace, Drill, DrilledRow, DrillKey, Proof
from backend.metrics.questions import Answer, Question, Restriction
from backend.metrics.rollups.columns_reading import ColumnReader, note
from backend.metrics.rollups.demand import Demands
from backend.metrics.rollups.explaining import Explanation, Read, explained, unpacked
from backend.metrics.rollups.reading import PackReader, Source, Touches, rest_for_rows
from backend.metrics.rollups.repository import Head, read_head
from backend.metrics.understanding import prepare_for
from tenants.database import ReadSession, TenantDatabase

EXPORT_TIMEOUT = 3_600.0  # seconds; whoever exports waits for all of it

_EVERYTHING = Restriction()


class Evaluator:
    """Answers questions about one tenant's numbers."""

    def __init__(
        self,
        database: TenantDatabase,
        clock: Clock,
        demands: Demands | None = None,
        *,
        rows_only: bool = False,
    ) -> None:
        """`demands` takes notice of what is asked; None: nobody does. With `rows_only` no pack is read."""
        self._database = database
        self._clock = clock
        self._demands = demands
        self._rows_only = rows_only

    async def answer(
        self, questions: Sequence[Question], *, restriction: Restriction = _EVERYTHING
    ) -> list[Answer | DomainError]:
        """An answer per question, in order; one that cannot be answered has its error in that place.

        All are planned together and read from one snapshot. What fails for all (the database is gone, the
        time is up) is raised.
        """
        if not questions:
            return []
        async with self._database.read(snapshot=True) as session:
            head = await read_head(session)
            preparation = await self._preparation(session, restriction, head)
            outcomes = [_prepared(preparation, question) for question in questions]
            tasks = [one.task for one in outcomes if isinstance(one, Wanted)]
            setting = await self._setting(session, preparation, _rows(*tasks))
            frames = await self._answered(session, head, tasks, setting)
            members = Members(await repository.members_by_id(session, frames.ids))
        if self._demands is not None and restriction == _EVERYTHING:
            fit = zip(outcomes, questions, strict=True)
            self._demands.note(self._database, [one for found, one in fit if isinstance(found, Wanted)])
        return [
            outcome if isinstance(outcome, DomainError) else _shaped(outcome, frames, members, setting.now)
            for outcome in outcomes
        ]

    async def prove(
        self, question: Question, place: CellPlace = TOTAL, *, restriction: Restriction = _EVERYTHING
    ) -> list[Proof]:
        """What the KPIs of a question rest on in one cell of it: a proof for each, all from one snapshot.

        Raises Invalid and Forbidden as an answer holds them.
        """
        async with self._database.read(snapshot=True) as session:
            preparation = await self._preparation(session, restriction)
            wanted = preparation.prepare_cell(question, place)
            whole = with_aggregates(wanted, preparation.currency)
            setting = await self._setting(session, preparation, _rows(whole.task))
            frames = await _collected(session, [whole.task], setting)
            tallies = {
                scan: (await session.execute(lower_tally(scan, aggregates, setting))).all()
                for scan, aggregates in by_scan(wanted.task).items()
            }
            data_version = await repository.find_data_version(session)
        cells = shape(whole, frames, Members({}), setting.now).totals
        schedules = held_in(setting.clocks, wanted.task.window)
        return prove(wanted, cells, tallies, data_version, schedules)

    async def preview(self, draft: Draft, question: Question) -> Preview:
        """The numbers of a KPI by its definition and by a draft of another, on the rows of a question, whose own
        KPIs do not matter. One snapshot; nothing is stored.

        Raises Invalid, with problems where a person can mend them in place.
        """
        async with self._database.read(snapshot=True) as session:
            preparation = await self._preparation(session, _EVERYTHING)
            if draft.key not in preparation.kpis and await definitions.find_kpi(
                session, draft.key, self._clock(), archived=True
            ):
                message = f"“{draft.key}” is archived; restore it first."
                problem = Problem("KPI_ARCHIVED", message, ("key",))
                raise Invalid(message, code="KPI_ARCHIVED", problems=[problem])
            previewing = prepare_preview(preparation, draft, question)
            task = previewing.wanted.task
            setting = await self._setting(session, preparation, _rows(task))
            frames = await _collected(session, [task], setting)
            members = Members(await repository.members_by_id(session, frames.ids))
        return previewing.of(shape(previewing.wanted, frames, members, setting.now))

    async def drill(
        self,
        question: Question,
        drill: Drill,
        *,
        limit: int,
        after: DrillKey | None = None,
        restriction: Restriction = _EVERYTHING,
    ) -> list[DrilledRow]:
        """Up to `limit` of the rows behind a cell of a question for one KPI, after a key, newest first.

        `fields` are those of the row itself; an interaction's are found by its id. Raises Invalid (also
        DRILL_AMBIGUOUS, AGGREGATE_UNKNOWN) and Forbidden.
        """
        async with self._database.read(snapshot=True) as session:
            preparation = await self._preparation(session, restriction)
            listing = preparation.prepare_drill(question, drill, own_fields)
            setting = await self._setting(
                session, preparation, read_by(listing.aggregates, listing.scan.where)
            )
            select = lower_listing(listing, setting, after=after, limit=limit)
            found = await session.execute(select)
        return [drilled(listing, row) for row in found]

    async def export(self, question: Question, drill: Drill) -> AsyncIterator[DrilledRow]:
        """All rows behind a cell as `drill` lists them, with every field they have or reach, as they come.

        They are never all in memory, and the statement may take EXPORT_TIMEOUT. Raises as `drill` does.
        """
        async with self._database.read(snapshot=True, statement_timeout=EXPORT_TIMEOUT) as session:
            preparation = await self._preparation(session, _EVERYTHING)
            listing = preparation.prepare_drill(question, drill, all_fields)
            setting = await self._setting(
                session, preparation, read_by(listing.aggregates, listing.scan.where)
            )
            async for row in session.stream(lower_listing(listing, setting)):
                yield drilled(listing, row)

    async def explain(self, question: Question, *, restriction: Restriction = _EVERYTHING) -> Explanation:
        """How a question would be answered: what comes from packs, and which statements go to the rows for the
        rest. None of these is run. Raises Invalid and Forbidden as an answer holds them.

        Who may see some rows only is told no estimate: PostgreSQL makes it from what it knows of all rows.
        """
        async with self._database.read(snapshot=True) as session:
            head = await read_head(session)
            preparation = await self._preparation(session, restriction, head)
            task = preparation.prepare(question).task
            setting = await self._setting(session, preparation, _rows(task))
            sources, left = await self._sources(session, head, [task], setting, Frames())
            reads = []
            for number, statement in enumerate(left, 1):
                lowered = lower(statement, setting)
                expected = await _expected(session, lowered) if restriction == _EVERYTHING else None
                reads.append(Read(number, statement, spell(lowered), expected))
        return explained(sources, reads, setting.now)

    async def _answered(
        self, session: ReadSession, head: Head, tasks: Iterable[Task], setting: Setting
    ) -> Frames:
        """What the questions ask for: from packs where they hold it, else from the rows."""
        frames = Frames()
        _, left = await self._sources(session, head, tasks, setting, frames)
        await _collect(session, left, setting, frames)
        return frames

    async def _sources(
        self, session: ReadSession, head: Head, tasks: Iterable[Task], setting: Setting, frames: Frames
    ) -> tuple[list[Source], list[Statement]]:
        """Where the answers come from, and what is left for the rows; what packs hold is put into frames."""
        statements = plan(tasks).statements
        if self._rows_only:
            return list(unpacked(statements)), list(statements)
        touches = Touches(session, head)
        sources = await PackReader(session, head, setting, touches).read(statements, frames)
        columns = ColumnReader(session, self._database, head, setting, touches)
        answered, left = await columns.read(rest_for_rows(sources), frames)
        note(sources, answered)
        return sources, left

    async def _preparation(
        self, session: ReadSession, restriction: Restriction, head: Head | None = None
    ) -> Preparation:
        head = head or await read_head(session)
        return await prepare_for(session, self._database, head.versions, self._clock(), restriction)

    async def _setting(self, session: ReadSession, preparation: Preparation, rows: Iterable[Row]) -> Setting:
        """What the statements that read these row expressions need to know."""
        now = self._clock()
        return Setting(
            preparation.vocabulary,
            preparation.zone,
            preparation.currency,
            preparation.restriction,
            now,
            await find_clocks(session, rows, now),
        )


async def _collected(session: ReadSession, tasks: Iterable[Task], setting: Setting) -> Frames:
    """The same from the rows alone, for what is to prove it."""
    frames = Frames()
    await _collect(session, plan(tasks).statements, setting, frames)
    return frames


async def _collect(
    session: ReadSession, statements: Iterable[Statement], setting: Setting, frames: Frames
) -> None:
    for statement in statements:
        lowered = lower(statement, setting)
        frames.add(lowered, (await session.execute(lowered.select)).all())


async def _expected(session: ReadSession, lowered: Lowered) -> Estimate:
    return read_estimate((await session.execute(lower_explain(lowered))).scalar_one())


def _rows(*tasks: Task) -> Iterator[Row]:
    """The row expressions that questions are made of."""
    for task in tasks:
        for formula in (one for window in task.windows for one in task.formulas_in(window)):
            yield from read_by(aggregates_of(formula.expression), task.where)


def _prepared(preparation: Preparation, question: Question) -> Wanted | DomainError:
    try:
        return preparation.prepare(question)
    except DomainError as error:
        return error


def _shaped(wanted: Wanted, frames: Frames, members: Members, now: datetime) -> Answer | DomainError:
    try:
        answer = shape(wanted, frames, members, now)
        answer.volatile = is_passing(wanted.task, now)
        return answer
    except DomainError as error:
        return error
