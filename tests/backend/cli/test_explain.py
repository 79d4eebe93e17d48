"""`scoredesk kpi --explain`: how a question is read and would be answered, without an answer."""

import re

from tests.backend.cli.command_line import Cli


async def explained(cli: Cli, *arguments: str, locale: str = "en") -> str:
    created = await cli("tenant", "create", "shop", "--locale", locale)
    assert created.code == 0, created.err
    outcome = await cli("kpi", *arguments, "--tenant", "shop", "--explain")
    assert outcome.code == 0, outcome.err
    return outcome.out


async def test_tree_sentence_plan_and_sql(cli):
    shown = await explained(cli, "csat", "slow=1 - @csat where channel = 'chat'", "--by", "team")
    sections = shown.split("\n\n")
    csat, slow = sections[0].splitlines(), sections[1].splitlines()
    assert csat[0].startswith("csat = share(survey.score >= 4")
    assert "survey" in csat[1]
    assert csat[2:4] == ["formula", "  function share"]
    assert slow[0] == "slow = 1 - @csat where channel = 'chat'"
    assert slow[3:6] == ["  operator -", "    number 1", "    KPI @csat"]
    sql = next(section for section in sections if "SELECT" in section)
    assert "FROM" in sql
    assert "survey_response" in sql
    assert shown.index("formula") < shown.index("SELECT")


async def test_it_says_what_is_read_and_why(cli):
    shown = await explained(cli, "n=count()", "--from", "2026-01-05", "--to", "2026-01-07")
    assert (
        "\n  count of rows\n"
        "  from rows, because 2026-01-05 to 2026-01-06 have no pack yet\n"
        "    statement 1 reads the whole window\n"
    ) in shown
    [statement] = [section for section in shown.split("\n\n") if "SELECT" in section]
    assert re.match(r"-- statement 1: about [\d,]+ rows?, cost [\d,]+\nSELECT", statement)


async def test_the_sentence_is_in_the_tenants_language(cli):
    shown = await explained(cli, "aht", locale="zh")
    assert "处理时长" in shown.split("\n\n")[0].splitlines()[1]


async def test_a_mistake_is_shown_as_when_asking(cli):
    await cli("tenant", "create", "shop")
    outcome = await cli("kpi", "x=avg(handle_tme)", "--tenant", "shop", "--explain")
    assert outcome.code == 1
    assert outcome.out == ""
    assert "FIELD_UNKNOWN" in outcome.err
    assert "^^^^" in outcome.err
