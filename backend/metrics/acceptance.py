"""What a definition must be like beside its formula before it is stored. Pure: no database, no language."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from decimal import Decimal
from unicodedata import category

from backend.core.errors import Problem
from backend.metrics.kpi import Band, Kpi
from backend.metrics.language.diagnostics import find_nearest

KEY = re.compile(r"[a-z][a-z0-9_]{0,62}")
LONGEST_NAME = 100
LONGEST_DOC = 1000
_UNSEEN = frozenset({"Cc", "Cs", "Zl", "Zp"})  # control characters, halves of characters, line ends
LARGEST_SAMPLE = 1_000_000
LARGEST_VALUE = Decimal(10) ** 15  # of a target or benchmark; a float still tells neighbours apart there


def find_faults(kpi: Kpi, keys: Collection[str]) -> list[Problem]:
    """What is wrong with a definition's details; `keys` are the KPIs that may be its guardrails."""
    return [*_texts(kpi), *_numbers(kpi), *_guardrails(kpi, keys)]


def find_key_faults(key: str) -> list[Problem]:
    """What is wrong with the key of a new KPI."""
    if KEY.fullmatch(key):
        return []
    message = "A key is 1 to 63 small letters, digits and underscores and begins with a letter."
    return [Problem("KPI_KEY_INVALID", message, ("key",), hint="Such as “first_reply_in_time”.")]


def _texts(kpi: Kpi) -> Iterator[Problem]:
    for language, name in (("en", kpi.name_en), ("zh", kpi.name_zh)):
        if not name.strip() or len(name) > LONGEST_NAME or not _is_plain(name):
            message = f"A name has 1 to {LONGEST_NAME} characters, on one line."
            yield Problem("KPI_TEXT_INVALID", message, ("names", language))
    doc = kpi.doc
    if doc is not None and (len(doc) > LONGEST_DOC or not _is_plain(doc.replace("\n", " "))):
        message = f"A description has at most {LONGEST_DOC:,} characters and no control characters."
        yield Problem("KPI_TEXT_INVALID", message, ("description",))


def _is_plain(text: str) -> bool:
    return all(category(letter) not in _UNSEEN for letter in text)


def _numbers(kpi: Kpi) -> Iterator[Problem]:
    if not 1 <= kpi.minimum_sample <= LARGEST_SAMPLE:
        message = f"A minimum sample lies between 1 and {LARGEST_SAMPLE:,}."
        yield Problem("MINIMUM_SAMPLE_INVALID", message, ("minimum_sample",))
    for name, band in (("target", kpi.target), ("benchmark", kpi.benchmark)):
        fault = _band_fault(band)
        if fault is not None:
            yield Problem("BAND_INVALID", fault, (name,))


def _band_fault(band: Band) -> str | None:
    ends = [end for end in (band.low, band.high) if end is not None]
    if any(not end.is_finite() or abs(end) > LARGEST_VALUE for end in ends):
        return "The ends of a range are numbers below 10^15."
    if len(ends) == 2 and ends[0] > ends[1]:
        return "The lower end of a range is not above its upper end."
    return None


def _guardrails(kpi: Kpi, keys: Collection[str]) -> Iterator[Problem]:
    for place, key in enumerate(kpi.guardrails):
        if key == kpi.key or key in kpi.guardrails[:place]:
            message = f"“{key}” is named twice." if key != kpi.key else "A KPI is no guardrail of itself."
            yield Problem("GUARDRAIL_INVALID", message, ("guardrails", place))
        elif key not in keys:
            nearest = find_nearest(key, keys)
            hint = f"Did you mean “{nearest}”?" if nearest else None
            message = f"There is no KPI “{key}”."
            yield Problem("GUARDRAIL_INVALID", message, ("guardrails", place), hint=hint, nearest=nearest)
