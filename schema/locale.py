"""Which of our languages a reader prefers."""

from __future__ import annotations

from enum import StrEnum


class Locale(StrEnum):
    """The languages that names and labels exist in."""

    EN = "en"
    ZH = "zh"


_KNOWN = frozenset(locale.value for locale in Locale)


def preferred_locale(accept_language: str | None, default: str) -> Locale:
    """The first of ours in an Accept-Language header by its weights; `default` when none is named."""
    best, weight = Locale(default), 0.0
    for entry in (accept_language or "").split(","):
        tag, _, parameter = entry.partition(";")
        language = tag.strip().lower().partition("-")[0]
        if language in _KNOWN and (quality := _quality(parameter)) > weight:
            best, weight = Locale(language), quality
    return best


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    try:
        return float(value) if name == "q" else 1.0
    except ValueError:
        return 0.0
