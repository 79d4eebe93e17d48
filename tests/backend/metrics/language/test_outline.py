"""A formula's tree as text: every node a line, what is within it indented."""

from __future__ import annotations

from textwrap import dedent

from backend.metrics.language.outline import outline
from backend.metrics.language.parser import parse


def outlined(text: str) -> str:
    formula = parse(text).formula
    assert formula is not None
    return outline(formula)


def test_a_tree_reads_from_the_top_down():
    text = (
        'share(survey.score >= 4 where survey.kind = "csat" at responded) - 2 * @nps '
        "where not (channel in ('chat', 'call')) and first_response is missing including excluded"
    )
    assert outlined(text) == dedent(
        """\
        formula, including excluded
          operator -
            function share, at responded
              operator >=
                field survey.score
                number 4
              where operator =
                field survey.kind
                text "csat"
            operator *
              number 2
              KPI @nps
          where operator and
            operator not
              in
                field channel
                option text "chat"
                option text "call"
            is missing
              field first_response"""
    )


def test_a_choice_names_its_parts():
    assert outlined("sum(if(converted, amount, 0)) / 1h30m").splitlines()[2:] == [
        "    function sum",
        "      if",
        "        condition field converted",
        "        then field amount",
        "        otherwise number 0",
        "    duration 90m",  # as the canonical text has it
    ]
