"""Whether a text holds another, letter case ignored, where any database would say the same.

What `lower` makes of a letter depends on the database's locale: C knows ASCII only, Turkish has two kinds of i. So
the question is asked under each of them, and Unfit unless all agree; texts without such letters always do.
"""

from __future__ import annotations

from functools import lru_cache

from backend.metrics.rollups.columns_packs import Unfit

_ASCII = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_UNSURE = ("İ", "Σ")  # lowered in one way here and in another there, whatever the locale


def holds(text: str, sought: str) -> bool:
    """Whether `sought` stands in `text`; raises Unfit where that depends on the database."""
    found = {one in other for one, other in zip(_lowered(sought), _lowered(text), strict=True)}
    if len(found) > 1 or any(letter in text or letter in sought for letter in _UNSURE):
        raise Unfit("lower case of these letters depends on the database")
    return found.pop()


def _in_c(text: str) -> str:
    return text.translate(_ASCII)


@lru_cache(maxsize=4096)
def _lowered(text: str) -> tuple[str, ...]:
    if text.isascii() and "I" not in text:
        return (text.lower(),) * 3
    return _in_c(text), text.lower(), text.replace("I", "ı").lower()
