"""Numbers as people and platforms write them: "1,234.5", "¥99", "28.80 %", "1.2万". Exact, never a float."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal

from backend.core.currencies import MINOR_DIGITS, check_currency
from backend.ingestion.formats.batch import Cell, text_of
from backend.ingestion.values.faults import Fault, shown
from backend.ingestion.values.text import narrow

INTEGER_MAX = 2**31 - 1  # columns of counts, scores: integer
BIGINT_MAX = 2**63 - 1  # durations, money, attributes: bigint
THOUSANDTHS = Decimal(1000)
TOO_LARGE = Decimal("1e25")
EXACT = Context(prec=100)  # a value has at most 60 digits and its factor 10, so products are exact

PLAIN = re.compile(r"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,2})?", re.ASCII)
GROUPED = {
    ".": re.compile(r"[+-]?\d{1,3}(?:[,'’ ]\d{3})+(?:\.\d+)?"),
    ",": re.compile(r"[+-]?\d{1,3}(?:[.'’ ]\d{3})+(?:,\d+)?"),
}
SYMBOLS = re.compile(
    r"^([+-]?)\s*(?:CN¥|[¥￥$€£₩₽₹]|RMB|CNY|USD|EUR|JPY|GBP|HKD|CHF)\s*|\s*(?:元|円|€|CNY|USD|EUR|CHF)$"
)
MYRIADS = {"万": Decimal(10_000), "亿": Decimal(100_000_000)}


def decimal(cell: Cell, mark: str = ".") -> Decimal | None:
    """The number in a cell, percent as a fraction. `mark` separates the fraction.

    Raises Fault (BAD_NUMBER).
    """
    plain = text_of(cell)
    if not plain:
        return None
    if (mark == "." or plain.isdigit()) and PLAIN.fullmatch(plain):
        return Decimal(plain)
    value = _decimal(plain, mark)
    if value is None:
        raise Fault("BAD_NUMBER", f"{shown(plain)} is not a number.")
    return value


def _decimal(plain: str, mark: str) -> Decimal | None:
    if len(plain) > 80:
        return None
    text = SYMBOLS.sub(r"\1", narrow(plain)).strip()
    factor = Decimal(1)
    if text.endswith(("%", "‰")):
        factor = Decimal("0.01") if text[-1] == "%" else Decimal("0.001")
        text = text[:-1].rstrip()
    elif text[-1:] in MYRIADS:
        factor = MYRIADS[text[-1]]
        text = text[:-1].rstrip()
    if GROUPED[mark].fullmatch(text):
        text = re.sub(r"[.'’ ]" if mark == "," else r"[,'’ ]", "", text)
    if mark == ",":
        if "." in text:
            return None
        text = text.replace(",", ".")
    return Decimal(text) * factor if PLAIN.fullmatch(text) else None


def scaled(value: Decimal, factor: Decimal, limit: int, what: str = "number") -> int:
    """The value times a factor as an integer, half to even.

    Raises Fault (NUMBER_RANGE) beyond the column's limit.
    """
    if abs(value) < TOO_LARGE:
        whole = int(EXACT.multiply(value, factor).to_integral_value(ROUND_HALF_EVEN, EXACT))
        if abs(whole) <= limit:
            return whole
    raise Fault("NUMBER_RANGE", f"The {what} {shown(value)} is too large to be stored.")


def integer(mark: str = ".") -> Callable[[Cell], int | None]:
    """A converter for counts: whole numbers within 32 bits."""

    def convert(cell: Cell) -> int | None:
        value = decimal(cell, mark)
        if value is None:
            return None
        if value != value.to_integral_value():
            raise Fault("BAD_INTEGER", f"{shown(value)} is not a whole number.")
        return scaled(value, Decimal(1), INTEGER_MAX)

    return convert


def thousandths(mark: str = ".", limit: int = BIGINT_MAX) -> Callable[[Cell], int | None]:
    """A converter for scores and numeric attributes: thousandths."""

    def convert(cell: Cell) -> int | None:
        value = decimal(cell, mark)
        return None if value is None else scaled(value, THOUSANDTHS, limit)

    return convert


def bounded(convert: Callable[[Cell], int | None], least: int, most: int) -> Callable[[Cell], int | None]:
    """A converter that takes scores between two bounds, in thousandths; it raises Fault (SCORE_RANGE) elsewhere."""

    def within(cell: Cell) -> int | None:
        value = convert(cell)
        if value is not None and not least <= value <= most:
            raise Fault(
                "SCORE_RANGE", f"{shown(text_of(cell))} lies outside {least / 1000:g} to {most / 1000:g}."
            )
        return value

    return within


def minor_units(code: str) -> Decimal:
    """How many minor units one unit of a currency has: 100, but 1 for JPY and 1000 for KWD.

    Raises Fault (BAD_CURRENCY).
    """
    if code not in MINOR_DIGITS:
        raise Fault("BAD_CURRENCY", f"{shown(code)} is not a currency code such as USD or CNY.")
    return Decimal(10) ** MINOR_DIGITS[code]


def currency(cell: Cell) -> str | None:
    """A converter for currency codes, in any case."""
    plain = text_of(cell)
    if not plain:
        return None
    code = plain.upper()
    minor_units(code)
    return code


def money(code: str, mark: str = ".", *, in_minor_units: bool = False) -> Callable[[Cell], int | None]:
    """A converter for amounts of one currency, given in major units unless said otherwise: minor units.

    Raises Invalid (CURRENCY_UNKNOWN) for a code that is none.
    """
    factor = Decimal(1 if in_minor_units else 10 ** MINOR_DIGITS[check_currency(code)])

    def convert(cell: Cell) -> int | None:
        value = decimal(cell, mark)
        return None if value is None else scaled(value, factor, BIGINT_MAX, "amount")

    return convert
