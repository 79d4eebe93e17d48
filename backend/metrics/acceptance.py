"""What a definition must be like beside its formula before it is stored. Pure: no database, no language."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from unicodedata import category

from backend.core.errors import Problem
from backend.metrics.kpi import Band, Kpi
from backend.metrics.language.diagnostics import find_nearest

KEY = re.compile(r"[a-z][a-z0-9_]{0,62}")
LONGEST_NAME = 100
LONGEST_DOC = 1000
LONGEST_MEASURE = 300
_UNSEEN = frozenset({"Cc", "Cs", "Zl", "Zp"})  # control characters, halves of characters, line ends
MOST_GUARDRAILS = 10  # each is evaluated with every comparison of the KPI
LARGEST_SAMPLE = 1_000_000
LARGEST_VALUE = Decimal(10) ** 15  # of a target or benchmark; a float still tells neighbours apart there


def find_faults(kpi: Kpi, kpis: Mapping[str, Kpi]) -> list[Problem]:
    """What is wrong with a definition's details; `kpis` are those it may name, and that may name it."""
    return [*_texts(kpi), *_numbers(kpi), *_guardrails(kpi, kpis), *_guarded(kpi, kpis)]


def find_key_faults(key: str) -> list[Problem]:
    """What is wrong with the key of a new KPI."""
    if KEY.fullmatch(key):
        return []
    message = "A key is 1 to 63 small letters, digits and underscores and begins with a letter."
    return [Problem("KPI_KEY_INVALID", message, ("key",), hint="Such as “first_reply_in_time”.")]


def is_plain(text: str) -> bool:
    """Whether a text can be shown on one line."""
    return all(category(letter) not in _UNSEEN for letter in text)


def band_fault(band: Band) -> str | None:
    """What is wrong with a range of values; None when it is one."""
    ends = [end for end in (band.low, band.high) if end is not None]
    if any(not end.is_finite() or abs(end) > LARGEST_VALUE for end in ends):
        return "The ends of a range are numbers below 10^15."
    if len(ends) == 2 and ends[0] > ends[1]:
        return "The lower end of a range is not above its upper end."
    return None


def _texts(kpi: Kpi) -> Iterator[Problem]:
    for language, name in (("en", kpi.name_en), ("zh", kpi.name_zh)):
        if not name.strip() or len(name) > LONGEST_NAME or not is_plain(name):
            message = f"A name has 1 to {LONGEST_NAME} characters, on one line."
            yield Problem("KPI_TEXT_INVALID", message, ("names", language))
    doc = kpi.doc
    if doc is not None and (len(doc) > LONGEST_DOC or not is_plain(doc.replace("\n", " "))):
        message = f"A description has at most {LONGEST_DOC:,} characters and no control characters."
        yield Problem("KPI_TEXT_INVALID", message, ("description",))
    for language, measure in (("en", kpi.measure_en), ("zh", kpi.measure_zh)):
        if measure is None:
            continue
        if not measure.strip() or len(measure) > LONGEST_MEASURE or not is_plain(measure):
            message = f"A measure has 1 to {LONGEST_MEASURE} characters, on one line."
            yield Problem("KPI_TEXT_INVALID", message, ("measures", language))


def _numbers(kpi: Kpi) -> Iterator[Problem]:
    if not 1 <= kpi.minimum_sample <= LARGEST_SAMPLE:
        message = f"A minimum sample lies between 1 and {LARGEST_SAMPLE:,}."
        yield Problem("MINIMUM_SAMPLE_INVALID", message, ("minimum_sample",))
    for name, band in (("target", kpi.target), ("benchmark", kpi.benchmark)):
        fault = band_fault(band)
        if fault is not None:
            yield Problem("BAND_INVALID", fault, (name,))


def _guardrails(kpi: Kpi, kpis: Mapping[str, Kpi]) -> Iterator[Problem]:
    if len(kpi.guardrails) > MOST_GUARDRAILS:
        message = f"A KPI has at most {MOST_GUARDRAILS} guardrails."
        yield Problem("GUARDRAIL_INVALID", message, ("guardrails",), hint="Keep those that matter most.")
        return
    for place, key in enumerate(kpi.guardrails):
        if key == kpi.key or key in kpi.guardrails[:place]:
            message = f"“{key}” is named twice." if key != kpi.key else "A KPI is no guardrail of itself."
            yield Problem("GUARDRAIL_INVALID", message, ("guardrails", place))
        elif key not in kpis:
            nearest = find_nearest(key, kpis)
            hint = f"Did you mean “{nearest}”?" if nearest else None
            message = f"There is no KPI “{key}”."
            yield Problem("GUARDRAIL_INVALID", message, ("guardrails", place), hint=hint, nearest=nearest)
        elif kpis[key].direction is None:
            message = f"Neither way of “{key}” is better, so it cannot get worse."
            hint = "Give that KPI a direction, or take one that has one."
            yield Problem("GUARDRAIL_INVALID", message, ("guardrails", place), hint=hint)


def _guarded(kpi: Kpi, kpis: Mapping[str, Kpi]) -> Iterator[Problem]:
    """A KPI that others are guarded by has to have a direction."""
    users = sorted(one.key for one in kpis.values() if kpi.key in one.guardrails and one.key != kpi.key)
    if users and kpi.direction is None:
        named = ", ".join(f"“{user}”" for user in users)
        message = f"“{kpi.key}” is a guardrail of {named}, so one way of it has to be better."
        yield Problem("KPI_IN_USE", message, ("direction",), hint="Revise those first.")
