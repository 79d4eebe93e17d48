"""The attribution rules, as rows: whose an interaction is where several agents took part. `credited to RULE`
names one; binder, planner, sentences, manual and vocabulary read this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

AGENT = "agent"  # the field that a rule gives a meaning of its own

WHOLE = 1_000_000  # what the shares of one row add up to


@dataclass(frozen=True, slots=True)
class AttributionRule:
    """One rule. `en` and `zh` name whom it credits, after “credited to” and “归属于”.

    `shares`: a row is divided among its agents, so their numbers add up to the total exactly. `overcounts`:
    it belongs to each of them in full, so their numbers add up to more.
    """

    name: str
    en: str
    zh: str
    doc: str
    shares: bool = False
    overcounts: bool = False

    @property
    def several(self) -> bool:
        """Whether a row may belong to more than one agent."""
        return self.shares or self.overcounts


OWNER = AttributionRule(
    "owner", "the owner", "负责客服",
    "The agent that the row names, else the one that its interaction names. The default.",
)  # fmt: skip
RULES: tuple[AttributionRule, ...] = (
    OWNER,
    AttributionRule("first", "the first agent", "首位客服", "The first agent to act on the interaction."),
    AttributionRule("last", "the last agent", "末位客服", "The last agent to act on the interaction."),
    AttributionRule(
        "resolver", "the agent who solved it", "解决客服",
        "The agent who solved the interaction last; nobody where no agent did.",
    ),
    AttributionRule(
        "time_share", "all participants by their time", "全部参与客服（按时长分摊）",
        "Each participant by their part of the time it was assigned; the parts add up to the row exactly.",
        shares=True,
    ),
    AttributionRule(
        "message_share", "all participants by their messages", "全部参与客服（按消息数分摊）",
        "Each participant by their part of the public messages; the parts add up to the row exactly.",
        shares=True,
    ),
    AttributionRule(
        "participants", "every participant in full", "每位参与客服（各计一次）",
        "Every participant in full, so agents add up to more than the total; the answer says by how much.",
        overcounts=True,
    ),
)  # fmt: skip

_BY_NAME: Mapping[str, AttributionRule] = {rule.name: rule for rule in RULES}


def find_rule(name: str) -> AttributionRule | None:
    """The rule of that name; None when there is none."""
    return _BY_NAME.get(name)


def rule_of(credit: str | None) -> AttributionRule:
    """The rule that rows are credited by: `Basis.credit`, in which None stands for the owner."""
    return OWNER if credit is None else _BY_NAME[credit]
