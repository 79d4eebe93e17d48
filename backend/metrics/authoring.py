"""Changing a tenant's definitions: create, revise, archive, restore.

Each is one transaction that checks everything the change could break, on every day from today on, and notes who
did it. Whatever a person can mend is raised as Invalid with problems, and nothing is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from backend.core.errors import Conflict, Invalid, NotFound, Problem
from backend.metrics import definitions, repository
from backend.metrics.acceptance import find_faults, find_key_faults
from backend.metrics.catalogue import find_builtin
from backend.metrics.kpi import Band, Kpi, KpiVersion
from backend.metrics.language.formatter import format_formula
from backend.metrics.language.parser import parse
from backend.metrics.language.types import Vocabulary
from backend.metrics.timeline import Timeline, find_broken
from tenants.database import WriteSession

MOST_KPIS = 500  # of one tenant, archived ones too: every question reads them all

Edit = Callable[[Kpi], Kpi]

# What a revision may change; the rest of a Kpi is known, derived or counted.
_EDITABLE = (
    "name_en", "name_zh", "doc", "formula", "family", "direction", "minimum_sample", "target", "benchmark",
    "guardrails", "measure_en", "measure_zh",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes a definition, and when."""

    subject: str
    now: datetime


async def create(session: WriteSession, draft: Kpi, author: Author) -> Kpi:
    """Stores a KPI of the tenant's own, in force from today on, and returns it.

    Raises Invalid with problems.
    """
    desk = await _Desk.open(session, author)
    problems = find_key_faults(draft.key)
    if draft.key in desk.kpis:
        archived = desk.kpis[draft.key].archived_at is not None
        message = f"There is already a KPI “{draft.key}”."
        hint = "It is archived and can be restored." if archived else None
        problems.append(Problem("KPI_EXISTS", message, ("key",), hint=hint))
    if len(desk.kpis) >= MOST_KPIS:
        problems.append(
            Problem("TOO_MANY_KPIS", f"A tenant has at most {MOST_KPIS} KPIs, archived ones too.")
        )
    problems += find_faults(draft, desk.live)
    stored = replace(draft, formula=_canonical(draft.formula), builtin=False, unit=None, version=1)
    if draft.key not in desk.live:  # else the formula would be checked as a revision of that one
        problems += desk.broken_by(draft, desk.today) or desk.broken_by(stored, desk.today)
    _refuse(problems, "The KPI cannot be stored as it is.")
    added = await repository.insert_kpis(
        session, [stored], effective_from=desk.today, author=author.subject, now=author.now
    )
    if not added:  # a tenant without any KPI has no row to lock: two firsts may meet here
        raise Conflict(f"There is already a KPI “{draft.key}”.", code="ALREADY_EXISTS")
    return await desk.done("create kpi", stored.key, _changes(None, stored) | {"version": 1})


async def revise(
    session: WriteSession,
    key: str,
    edit: Edit,
    *,
    version: int,
    author: Author,
    effective_from: date | None = None,
) -> Kpi:
    """Stores what `edit` makes of a KPI's newest revision as the next one, and returns the KPI as it is today.

    The formula holds from a local day on, today unless one is given, the rest at once; an edit of the rest alone
    leaves a formula that is still to come its day. An edit that changes nothing is not stored.

    Raises Conflict when `version` is not the newest, NotFound, and Invalid with problems.
    """
    desk = await _Desk.open(session, author)
    found = desk.take(key, version)
    if found.archived_at is not None:
        _refuse([Problem("KPI_ARCHIVED", f"“{key}” is archived; restore it first.", ("key",))])
    edited = edit(found)
    wanted = replace(found, **{name: getattr(edited, name) for name in _EDITABLE})
    return await desk.revise(found, wanted, effective_from, "revise kpi")


async def archive(session: WriteSession, key: str, *, version: int, author: Author) -> Kpi:
    """Takes a KPI out of use, with its history kept; one that is archived stays as it is.

    Raises Conflict when `version` is not the newest, NotFound, and Invalid when other KPIs refer to it.
    """
    desk = await _Desk.open(session, author)
    found = desk.take(key, version)
    if found.archived_at is not None:
        return await desk.as_of_today(key)
    users = {
        *desk.timeline.referring_to(key),
        *(one.key for one in desk.live.values() if key in one.guardrails),
    }
    if users:
        named = ", ".join(f"“{user}”" for user in sorted(users))
        message = f"“{key}” cannot be archived: {named} refer to it, in a formula or as a guardrail."
        _refuse([Problem("KPI_IN_USE", message, ("key",), hint="Revise or archive those first.")])
    await repository.update_kpi(session, replace(found, archived_at=author.now), now=author.now)
    return await desk.done("archive kpi", key, {"version": found.version})


async def restore(
    session: WriteSession,
    key: str,
    *,
    version: int,
    author: Author,
    to_builtin: bool = False,
    everything: bool = False,
) -> Kpi:
    """Takes an archived KPI back into use as it was.

    `to_builtin` also gives it the formula it came with, as a revision that holds from today on; `everything` that
    and all the rest: names, description, target ...

    Raises Conflict when `version` is not the newest, NotFound, and Invalid with problems.
    """
    desk = await _Desk.open(session, author)
    found = desk.take(key, version)
    builtin = find_builtin(key)
    wanted = found
    if to_builtin or everything:
        if builtin is None:
            place = "everything" if everything else "to_builtin"
            _refuse([Problem("KPI_NOT_BUILTIN", f"“{key}” did not come with Scoredesk.", (place,))])
        else:
            names = _EDITABLE if everything else ("formula",)
            wanted = replace(found, **{name: getattr(builtin, name) for name in (*names, "unit")})
    if found.archived_at is not None:
        found = await desk.take_back(found, checked=wanted == found)
    if to_builtin or everything:
        return await desk.revise(found, replace(wanted, archived_at=None), desk.today, "restore kpi")
    return await desk.as_of_today(key)


@dataclass(frozen=True, slots=True)
class _Desk:
    """All definitions of a tenant, locked: what one change is checked against."""

    session: WriteSession
    author: Author
    today: date
    kpis: dict[str, Kpi]  # each with its newest formula, whatever its day
    timeline: Timeline  # of those that are not archived
    vocabulary: Vocabulary

    @classmethod
    async def open(cls, session: WriteSession, author: Author) -> _Desk:
        await repository.lock_kpis(session)
        today = definitions.today_of(session, author.now)
        newest = await repository.list_kpis(session, date.max, archived=None)
        timeline = Timeline.of(await repository.list_versions(session), today)
        vocabulary = await definitions.get_vocabulary(session)
        return cls(session, author, today, {one.key: one for one in newest}, timeline, vocabulary)

    @property
    def live(self) -> dict[str, Kpi]:
        return {key: one for key, one in self.kpis.items() if one.archived_at is None}

    def take(self, key: str, version: int) -> Kpi:
        found = self.kpis.get(key)
        if found is None:
            raise NotFound(f"There is no KPI “{key}”.")
        if found.latest_version != version:
            message = f"“{key}” was revised meanwhile: its newest version is {found.latest_version}."
            raise Conflict(message, code="KPI_VERSION_STALE", current=found.latest_version)
        return found

    def broken_by(self, wanted: Kpi, effective_from: date) -> list[Problem]:
        after = self.timeline.revised(wanted.key, wanted.formula, effective_from)
        return find_broken(self.timeline, after, wanted.key, effective_from, self.vocabulary)

    async def revise(self, found: Kpi, wanted: Kpi, effective_from: date | None, action: str) -> Kpi:
        typed, wanted = wanted, replace(wanted, formula=_canonical(wanted.formula))
        versions = await repository.versions_by_key(self.session, [found.key], 1)
        holds_from = versions[found.key][0].effective_from
        if wanted == found and (effective_from is None or holds_from <= effective_from):
            return await self.as_of_today(found.key)
        problems = find_faults(wanted, self.live)
        if effective_from is None:
            effective_from = max(self.today, holds_from) if wanted.formula == found.formula else self.today
        if effective_from < self.today:
            message = f"A revision holds from today ({self.today.isoformat()}) or a later day on."
            problems.append(Problem("EFFECTIVE_DATE_PAST", message, ("effective_from",)))
        else:
            # the text as typed first, so that places are places in it
            problems += self.broken_by(typed, effective_from) or self.broken_by(wanted, effective_from)
        _refuse(problems, "The KPI cannot be revised like this.")
        version = KpiVersion(
            found.key,
            found.latest_version + 1,
            wanted.formula,
            effective_from,
            self.author.subject,
            self.author.now,
        )
        await repository.update_kpi(self.session, wanted, now=self.author.now)
        await repository.insert_version(self.session, version)
        details = {"version": version.version, "effective_from": effective_from.isoformat()}
        return await self.done(action, found.key, _changes(found, wanted) | details)

    async def take_back(self, found: Kpi, *, checked: bool) -> Kpi:
        taken = replace(found, archived_at=None)
        await repository.update_kpi(self.session, taken, now=self.author.now)
        if checked:
            after = Timeline.of(await repository.list_versions(self.session), self.today)
            problems = find_broken(self.timeline, after, found.key, self.today, self.vocabulary)
            _refuse(
                [*problems, *find_faults(taken, self.live)],
                f"“{found.key}” cannot be restored: what it refers to is gone or has changed.",
            )
        await self.done("restore kpi", found.key, {"version": found.latest_version})
        return taken

    async def done(self, action: str, key: str, details: dict[str, Any]) -> Kpi:
        await repository.insert_audit_entry(
            self.session, action, key, details, actor=self.author.subject, now=self.author.now
        )
        return await self.as_of_today(key)

    async def as_of_today(self, key: str) -> Kpi:
        return await definitions.get_kpi(self.session, key, self.author.now, archived=None)


def _refuse(problems: Sequence[Problem], message: str | None = None) -> None:
    """Raises Invalid when there are problems; the first one's sentence where no other is given."""
    if problems:
        raise Invalid(message or problems[0].message, code=problems[0].code, problems=problems)


def _canonical(text: str) -> str:
    """The formula in canonical form; one that cannot be read stays as it is, to be refused."""
    formula = parse(text).formula
    return text if formula is None else format_formula(formula)


def _changes(old: Kpi | None, new: Kpi) -> dict[str, Any]:
    """What an audit entry keeps of a change: old and new value of all that differs."""
    pairs = {name: (getattr(old, name, None), getattr(new, name)) for name in _EDITABLE}
    changed = {
        name: [_plain(before), _plain(after)] for name, (before, after) in pairs.items() if before != after
    }
    return {"changed": changed} if changed else {}


def _plain(value: object) -> object:
    match value:
        case Band(low, high):
            return [None if end is None else str(end) for end in (low, high)]
        case tuple():
            return list(value)
    return value
