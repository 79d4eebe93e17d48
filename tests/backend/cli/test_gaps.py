import json

import pytest

from tests.backend.cli.command_line import Cli
from tests.backend.cli.test_kpis import DAYS, cli

__all__ = ["cli"]

SEEDED = [
    ["csat", "industry", "industry baseline", "0.75", "0.85", "0.15", "0.30", ""],
    ["first_response_time", "industry", "industry baseline", "30", "60", "0.15", "0.30", ""],
    ["resolution_rate", "industry", "industry baseline", "0.80", "0.90", "", "", ""],
]


async def listed(cli: Cli) -> list[list[str]]:
    outcome = await cli("benchmark", "list", "--tenant", "berlin")
    assert outcome.code == 0, outcome.err
    return [line.split("\t") for line in outcome.out.splitlines()]


async def test_a_gap_table_is_read_at_a_glance(cli):
    outcome = await cli("gap", "csat", "first_response_time", "aht", *DAYS, "--tenant", "berlin")
    assert (outcome.code, outcome.err) == (0, "")
    head, _, csat, response, aht = outcome.out.splitlines()
    assert head.split() == ["KPI", "current", "n", "reference", "gap", "standing", "measure"]
    # two of three are satisfied; replies came after 30, 50 and 20 s
    assert csat.split()[:8] == ["csat", "66.7", "%", "3", "80.0", "%", "13.3", "pt"]
    assert "behind" in csat
    assert "low scores" in csat
    assert response.split() == ["first_response_time", "33.3", "s", "3", "45.0", "s", "-11.7", "s", "within"]
    assert aht.split() == ["aht", "7", "min", "40", "s", "3", "–", "–", "–"]


async def test_a_gap_table_as_json_by_agent(cli):
    outcome = await cli(
        *("gap", "csat", *DAYS, "--tenant", "berlin", "--format", "json", "--by", "agent"),
        *("--reference", "own_history", "--windows", "2"),
    )
    document = json.loads(outcome.out)
    assert document["history"]["from"] == "2026-01-01T00:00:00+01:00"
    assert [row["dimensions"] for row in document["rows"]] == [{"agent": "a1"}, {"agent": "b2"}]
    assert {(row["reference"], row["gap"], row["standing"]) for row in document["rows"]} == {
        (None, None, None)
    }
    outcome = await cli("gap", "csat", *DAYS, "--tenant", "berlin", "--format", "json")
    [row] = json.loads(outcome.out)["rows"]
    assert row["reference"]["label"] == "industry baseline"
    assert row["gap_points"] == pytest.approx(100 * (0.8 - 2 / 3))
    assert (row["within_band"], row["within_float"]) == (False, True)


async def test_a_figure_is_set_listed_and_removed(cli):
    peer = ("csat", "--tenant", "berlin", "--kind", "peer_best", "--label", "同行同层优秀")
    outcome = await cli("benchmark", "set", *peer, "0.93", "--from", "2026-01-01", "--float", "0.1", "0.2")
    assert outcome.code == 0, outcome.err
    row = ["csat", "peer_best", "同行同层优秀", "0.93", "0.93", "0.1", "0.2", "2026-01-01"]
    assert await listed(cli) == [SEEDED[0], row, *SEEDED[1:]]
    outcome = await cli("gap", "csat", *DAYS, "--tenant", "berlin", "--reference", "peer_best")
    assert "26.3 pt" in outcome.out
    assert (await cli("benchmark", "remove", *peer)).code == 0
    assert await listed(cli) == SEEDED
    gone = await cli("benchmark", "remove", *peer)
    assert (gone.code, "NOT_FOUND" in gone.err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("gap", "cast", *DAYS), 1, "Did you mean “csat”?"),
        (("gap", "csat", *DAYS, "--reference", "own_history", "--windows", "0"), 1, "1 to 24 windows"),
        (("benchmark", "set", "cast", "1", "--kind", "industry", "--label", "x"), 1, "Did you mean “csat”?"),
        (("benchmark", "set", "csat", "93%", "--kind", "industry", "--label", "x"), 2, "no number"),
        (("benchmark", "set", "csat", "2", "1", "--kind", "industry", "--label", "x"), 1, "lower end"),
    ],
)
async def test_what_is_wrong_is_said(cli, arguments, code, said):
    outcome = await cli(*arguments, "--tenant", "berlin")
    assert (outcome.code, outcome.out) == (code, "")
    assert said in outcome.err
    assert await listed(cli) == SEEDED
