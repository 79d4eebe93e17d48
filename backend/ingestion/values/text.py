"""Texts: bounded, storable, without outer white space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

from backend.ingestion.formats.batch import Cell, text_of
from backend.ingestion.formats.faults import nearest
from backend.ingestion.values.faults import Fault, shown

TEXT_LIMIT = 65_536  # bytes of UTF-8; longer ones are documents, not fields
IDENTIFIER_LIMIT = 512  # characters: stays below a third of an index page (2,704 bytes) at four bytes each

TRUE = frozenset({"true", "t", "yes", "y", "1", "on", "是", "有", "对", "√"})
FALSE = frozenset({"false", "f", "no", "n", "0", "off", "否", "无", "没有", "错", "×"})


# Full-width forms and special spaces and signs. Not NFKC: that would make "1²" twelve.
NARROW = (
    {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
    | dict.fromkeys((0x3000, 0xA0, 0x2007, 0x2009, 0x202F), ord(" "))
    | {0x2212: ord("-")}
)


def narrow(text: str) -> str:
    """The text with full-width digits, letters and signs as the usual ones, without outer white space."""
    return text if text.isascii() else text.translate(NARROW).strip()


def checked(text: str, limit: int = TEXT_LIMIT) -> str:
    """The text itself when PostgreSQL can hold it.

    Raises Fault (TEXT_NUL, TEXT_SURROGATE, TEXT_TOO_LONG).
    """
    if "\x00" in text:
        raise Fault("TEXT_NUL", f"The text {shown(text)} contains a NUL character, which cannot be stored.")
    if text.isascii():
        size = len(text)
    else:
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            raise Fault(
                "TEXT_SURROGATE",
                f"The text {shown(text.encode(errors='replace').decode())} holds half a character.",
            ) from None
    if size > limit:
        raise Fault("TEXT_TOO_LONG", f"The text has {size:,} bytes; at most {limit:,} are taken.")
    return text


def text(cell: Cell) -> str | None:
    """A text of up to 64 KB."""
    return checked(plain) if (plain := text_of(cell)) else None


def identifier(cell: Cell) -> str | None:
    """A text that names something: shorter, because it is indexed."""
    plain = text_of(cell)
    if not plain:
        return None
    if len(plain) > IDENTIFIER_LIMIT:
        raise Fault(
            "TEXT_TOO_LONG",
            f"The name {shown(plain)} has {len(plain):,} characters; at most {IDENTIFIER_LIMIT} are taken.",
        )
    return checked(plain)


def identifiers(cells: Sequence[Cell], null: AbstractSet[str]) -> Sequence[Cell] | None:
    """A whole column of names at once, for one that hardly repeats; None when any cell needs a closer look."""
    try:
        together = "".join(cells)  # type: ignore[arg-type]
    except TypeError:  # something missing, or no text
        return None
    if not together.isascii() or "\x00" in together or max(map(len, cells)) > IDENTIFIER_LIMIT:  # type: ignore[arg-type]
        return None
    if not null.isdisjoint(cells) or list(map(str.strip, cells)) != list(cells):  # type: ignore[arg-type]
        return None
    return cells


def boolean(cell: Cell) -> bool | None:
    """Yes or no in the usual spellings, English and Chinese."""
    plain = text_of(cell)
    if not plain:
        return None
    word = plain.casefold()
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise Fault("BAD_BOOLEAN", f"{shown(plain)} is neither yes nor no; list the values in the mapping.")


def one_of(choices: Sequence[str]) -> Callable[[Cell], str | None]:
    """A converter for a closed list; case does not matter."""
    by_word = {choice.casefold(): choice for choice in choices}

    def choice(cell: Cell) -> str | None:
        plain = text_of(cell)
        if not plain:
            return None
        found = by_word.get(plain.casefold())
        if found is None:
            close = nearest(plain[:100], choices)
            guess = f" Did you mean “{close}”?" if close else ""
            raise Fault("UNKNOWN_CHOICE", f"{shown(plain)} is none of {', '.join(choices)}.{guess}")
        return found

    return choice
