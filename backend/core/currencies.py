"""Currencies in use (ISO 4217) and how many digits their minor unit has. Facts of the world, nothing else."""

from __future__ import annotations

from backend.core.errors import Invalid

_BY_DIGITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF
    CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD
    HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK
    MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD
    RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH
    USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
}

MINOR_DIGITS = {code: digits for digits, codes in _BY_DIGITS.items() for code in codes.split()}


def check_currency(code: str) -> str:
    """The code itself when it is a currency in use.

    Raises Invalid (CURRENCY_UNKNOWN) otherwise.
    """
    if code not in MINOR_DIGITS:
        raise Invalid(
            f"“{code}” is not a currency; use an ISO 4217 code such as USD.",
            code="CURRENCY_UNKNOWN",
        )
    return code
