"""Random formulas over interactions: what the language can say of a row's own columns."""

from __future__ import annotations

from random import Random

DIMENSIONS = (
    "channel", "agent", "team", "queue", "issue_type", "customer", "priority", "segment", "answered",
    "resolved_on_first_contact", "gold", "tier", "hour_of_day", "weekday", "date", "iso_week", "month", "quarter", "year",
)  # fmt: skip
_CONDITIONS = (
    'channel = "chat"', 'channel in ("chat", "call", "ticket")', 'channel not in ("bot")', 'channel != "email"',
    'priority = "high"', 'priority != "high"', 'priority = language', 'priority is missing', 'priority = "never"',
    'agent = "ann"', 'agent != "ann"', 'agent in ("ann", "nobody")', "agent is missing", 'queue not in ("billing", "x")',
    'issue_type = "late"', 'customer != "c3"', "team is not missing",
    "answered", "not answered", "resolved", "resolved is missing", "answered = true", "answered != abandoned",
    "closed", "first_response is missing", "accepted = answered",
    "handle_time > 30s", "handle_time >= talk_time", "wait_time in (0s, 1ms, 999ms)", "customer_messages != 3",
    "first_response - started > 2m", "closed - started <= 10h", "started - closed = 0s", "resolved >= closed",
    "amount > 100", "amount * 2 >= 150.5", "amount - 1 < 20", "sentiment > 0.25", "-sentiment >= 0.5",
    "hour_of_day < 12", 'weekday in ("Monday", "Sunday")', 'month = "2026-03"', 'iso_week >= "2026-W13"',
    'date >= "2026-03-29"', 'date in ("2026-04-05", "2010-11-06")', 'quarter < "2026-Q2"', "year = 2026",
    'month != "2010-11"', 'segment contains "PRO"', 'segment contains "太慢"', 'segment contains "inf"',
    "gold", 'tier = "7"', "weight > 1.5", "signed > started", "spent > 100", "odd > 1", "signed",
    "handle_time / talk_time > 1.5", "customer_messages / agent_messages = 0.5",
    "if(answered, handle_time, wait_time) > 20s", 'if(answered, priority, language) = "high"',
    'if(gold, tier, priority) = "a"', "if(answered, started, closed) < resolved", 'problem = "p1"',
    'product_version contains "lan"', 'product_version = "Élan"', 'if(answered, segment, "info") contains "INFO"',
    "(answered and escalated) is missing", "now - started > 2d", "resolved < now", "matured(36h)",
)  # fmt: skip
_VALUES = (
    "handle_time", "wait_time", "customer_messages", "amount", "sentiment", "weight", "handle_time - wait_time",
    "closed - started", "resolved - first_response", "customer_messages * agent_messages", "amount * 1.5",
    "weight * sentiment", "-amount", "spent", "weight / 7", "handle_time * 1.001", "handle_time * customer_messages",
    "amount * customer_messages", "weight * weight",
)  # fmt: skip
_RATIOS = ("handle_time / talk_time", "amount / customer_messages", "(resolved - started) / wait_time")
_DISTINCT = (
    "customer", "agent", "priority", "date", "handle_time", "problem", "if(answered, tier, priority)", "weekday",
    "weight", "amount", "sentiment / 3", "month", "tier", "customer, date", "agent, priority, sentiment, amount",
)  # fmt: skip
_WHOLE = (  # formulas that are not made of pieces: of surveys, and of rows that agents share
    "count(where survey.responded - started > 1d)", 'avg(survey.score where channel = "chat" at responded)',
    'share(survey.score >= 4 where survey.comment contains "SLOW")', 'count_distinct(agent where survey.kind = "csat")',
    "stddev(survey.score at invited)", "min(survey.score * 2.5)", "share(survey.score / survey.scale_max > 0.7)",
    "avg(handle_time credited to time_share)", "sum(amount where closed credited to message_share)",
    "count(where resolved credited to time_share)", "share(answered at closed credited to participants)",
    "p90(handle_time where queue is missing credited to last)", "p90(survey.score including excluded)",
    'count(where survey.responded and queue = "shop")',
)  # fmt: skip
_CLAUSES = (
    "", "", "", " at resolved", " including excluded", " at closed including excluded",
)  # fmt: skip


class Grammar:
    """Formulas by dice."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice

    def condition(self, depth: int = 2) -> str:
        """A condition on a row."""
        shape = self._dice.random()
        if depth == 0 or shape < 0.5:
            return self._dice.choice(_CONDITIONS)
        one, other = self.condition(depth - 1), self.condition(depth - 1)
        if shape < 0.7:
            return f"({one}) and ({other})"
        return f"({one}) or ({other})" if shape < 0.9 else f"not ({one})"

    def value(self) -> str:
        """A number of a row."""
        value = self._dice.choice(_VALUES)
        return f"if({self.condition(1)}, {value}, {value})" if self._dice.random() < 0.2 else value

    def formula(self) -> str:
        """One aggregate."""
        dice = self._dice
        if dice.random() < 0.2:
            return dice.choice(_WHOLE)
        where = f" where {self.condition()}" if dice.random() < 0.5 else ""
        tail = where + dice.choice(_CLAUSES)
        name = dice.choice(_AGGREGATES)
        match name:
            case "count":
                return f"count({tail.strip()})"
            case "share":
                return f"share({self.condition()}{tail})"
            case "count_distinct" | "count_repeated":
                return f"{name}({dice.choice(_DISTINCT)}{tail})"
            case "agreement":
                return f"agreement(customer_messages, agent_messages{tail})"
        if name not in ("sum", "avg") and dice.random() < 0.2:
            return f"{name}({dice.choice(_RATIOS)}{tail})"
        return f"{name}({self.value()}{tail})"


_AGGREGATES = (
    "count", "share", "sum", "avg", "min", "max", "stddev", "p90", "median", "disc_p75", "exact_p90",
    "count_distinct", "count_repeated", "agreement",
)  # fmt: skip
