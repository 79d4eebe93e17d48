"""A formula as a plain sentence, in English and in Chinese. Reads the tree and labels; means nothing new."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import assert_never

from backend.metrics.language.attribution import find_rule
from backend.metrics.language.fields import CHOICES_ZH, INTERACTION
from backend.metrics.language.formatter import format_number, split_duration
from backend.metrics.language.functions import RELATIONS, SHARE, Function, Takes, find_function
from backend.metrics.language.moving import PERIODS, Rolling
from backend.metrics.language.parser import NOT, OR, PRECEDENCE, SIGN, SUM
from backend.metrics.language.tree import (
    NO_CLAUSES,
    Among,
    Binary,
    Call,
    Clauses,
    Conditional,
    Duration,
    Formula,
    KpiReference,
    Missing,
    Name,
    Node,
    Number,
    Text,
    Truth,
    Unary,
)
from backend.metrics.language.types import MOMENT, Field, Vocabulary
from backend.metrics.language.vocabulary import find_stateful


class Tongue(StrEnum):
    """The languages that sentences are rendered in."""

    EN = "en"
    ZH = "zh"


@dataclass(frozen=True, slots=True)
class _Words:
    operators: Mapping[str, str]
    negation: str
    missing: str
    present: str
    among: str
    not_among: str
    separator: str
    choice: str
    between: str
    where: str
    share_where: str
    alike: str
    trailing: str
    anchor: str
    rolling: str
    to_date: Mapping[str, str]
    state: str
    across: str
    credit: str
    excluded: str
    parenthesis: str
    truths: tuple[str, str]
    units: Mapping[str, str]


_WORDS = {
    Tongue.EN: _Words(
        operators={
            "+": "{0} plus {1}", "-": "{0} minus {1}", "*": "{0} times {1}", "/": "{0} divided by {1}",
            "=": "{0} is {1}", "!=": "{0} is not {1}", "<": "{0} is below {1}", "<=": "{0} is at most {1}",
            ">": "{0} is above {1}", ">=": "{0} is at least {1}", "contains": "{0} contains {1}",
            "and": "{0} and {1}", "or": "{0} or {1}",
        },
        negation="not {0}", missing="{0} is missing", present="{0} is known",
        among="{0} is one of {1}", not_among="{0} is none of {1}", separator=", ",
        choice="{1} if {0}, else {2}", between="time from {1} to {0}",
        where=" where {0}", share_where=", among those where {0}", trailing=", where {0}",
        alike=" with the same {0}",
        anchor=", dated by “{0}”", rolling=", over the last {0}",
        to_date={period: f", {period} to date" for period in PERIODS},
        state=", those {0} when the period ends", across=", whatever the {0}", credit=", credited to {0}",
        excluded=", excluded ones included", parenthesis="({0})",
        truths=("false", "true"),
        units={"d": " day", "h": " hour", "m": " minute", "s": " second", "ms": " millisecond"},
    ),
    Tongue.ZH: _Words(
        operators={
            "+": "{0}加{1}", "-": "{0}减{1}", "*": "{0}乘以{1}", "/": "{0}除以{1}",
            "=": "{0}为{1}", "!=": "{0}不为{1}", "<": "{0}小于{1}", "<=": "{0}不超过{1}",
            ">": "{0}大于{1}", ">=": "{0}不低于{1}", "contains": "{0}包含{1}",
            "and": "{0}且{1}", "or": "{0}或{1}",
        },
        negation="非{0}", missing="{0}缺失", present="{0}非空",
        among="{0}属于{1}", not_among="{0}不属于{1}", separator="、",
        choice="若{0}则{1}，否则{2}", between="从{1}到{0}的时间",
        where="（{0}）", share_where="（范围：{0}）", trailing="，条件：{0}",
        alike="且{0}相同",
        anchor="，按{0}时间统计", rolling="，近{0}",
        to_date=dict(zip(PERIODS, ("，本周至今", "，本月至今", "，本季度至今", "，本年至今"), strict=True)),
        state="，期末{0}", across="，不分{0}", credit="，归属于{0}",
        excluded="，含已排除的记录", parenthesis="（{0}）",
        truths=("否", "是"),
        units={"d": "天", "h": "小时", "m": "分钟", "s": "秒", "ms": "毫秒"},
    ),
}  # fmt: skip


def render_sentence(
    formula: Formula,
    vocabulary: Vocabulary,
    tongue: Tongue = Tongue.EN,
    kpi_names: Mapping[str, str] | None = None,
) -> str:
    """The formula in plain words. `kpi_names` are the names of KPIs in that language, by key; a key stands
    in else.
    """
    return _Speaker(vocabulary, tongue, kpi_names or {}).formula(formula)


class _Speaker:
    def __init__(self, vocabulary: Vocabulary, tongue: Tongue, kpi_names: Mapping[str, str]) -> None:
        self._vocabulary = vocabulary
        self._tongue = tongue
        self._words = _WORDS[tongue]
        self._kpi_names = kpi_names
        self._trailing: Clauses = NO_CLAUSES

    def formula(self, formula: Formula) -> str:
        self._trailing, where = formula.clauses, formula.clauses.where
        said = self._say(formula.body, OR)
        if where is not None:
            said += self._words.trailing.format(self._say(where, OR))
        return said + self._clauses(formula.clauses)

    def _clauses(self, clauses: Clauses) -> str:
        words, said = self._words, ""
        if clauses.anchor is not None:
            fields, anchor = self._vocabulary.fields, clauses.anchor
            own = next((field for name, field in fields.items() if name.endswith(f".{anchor}")), None)
            field = fields.get(anchor, own)
            said = words.anchor.format(self._label(field) if field else anchor)
        if isinstance(clauses.over, Rolling):
            said += words.rolling.format(self._duration(clauses.over.milliseconds))
        elif clauses.over is not None:
            said += words.to_date[clauses.over.period]
        if clauses.state is not None:
            said += words.state.format(self._state(clauses.state))
        if clauses.across:
            said += words.across.format(words.separator.join(map(self._bare, clauses.across)))
        if clauses.credit is not None:
            said += words.credit.format(self._credited(clauses.credit))
        return said + (words.excluded if clauses.including_excluded else "")

    def _say(self, node: Node, at_least: int) -> str:
        """The node in words, in parentheses where it would otherwise run into its neighbours."""
        said = self._bare(node)
        if isinstance(node, Binary):
            apart = PRECEDENCE[node.op] < at_least and not self._is_between(node)
        else:
            apart = at_least >= SUM and self._runs_on(node)
        return self._words.parenthesis.format(said) if apart else said

    def _runs_on(self, node: Node) -> bool:
        """Whether the node ends in a clause, which would swallow what is said after it."""
        if not isinstance(node, Call):
            return False
        if self._tongue is Tongue.ZH:  # where conditions stand in parentheses of their own
            return bool(replace(node.clauses, where=None))
        return node.name == SHARE.name or bool(node.clauses)

    def _bare(self, node: Node) -> str:
        words = self._words
        match node:
            case Number(value):
                return format_number(value)
            case Duration(milliseconds):
                return self._duration(milliseconds)
            case Text(value):
                said = CHOICES_ZH.get(value, value) if self._tongue is Tongue.ZH else value
                return said or '""'
            case Truth(value):
                return words.truths[value]
            case Name(path):
                field = self._vocabulary.find_field(path)
                return self._label(field) if field else ".".join(path)
            case KpiReference(key):
                return self._kpi_names.get(key, key.replace("_", " "))
            case Unary(op, operand):
                said = self._say(operand, SUM)
                return words.negation.format(said) if op == "not" else f"-{said}"
            case Binary(op, left, right):
                if self._is_between(node):
                    return words.between.format(self._bare(left), self._bare(right))
                strength = PRECEDENCE[op]
                if op == "or":  # few readers know that “and” binds more tightly
                    first = OR if isinstance(left, Binary) and left.op == "or" else NOT
                    return words.operators[op].format(self._say(left, first), self._say(right, NOT))
                return words.operators[op].format(self._say(left, strength), self._say(right, strength + 1))
            case Missing(operand, negated):
                return (words.present if negated else words.missing).format(self._say(operand, SUM))
            case Among(operand, options, negated):
                listed = words.separator.join(self._say(option, SUM) for option in options)
                return (words.not_among if negated else words.among).format(self._say(operand, SUM), listed)
            case Conditional(condition, then, otherwise):
                parts = (self._say(part, SUM) for part in (condition, then, otherwise))
                return words.parenthesis.format(words.choice.format(*parts))
            case Call():
                return self._call(node)
            case _:
                assert_never(node)

    def _call(self, node: Call) -> str:
        found = find_function(node.name)
        if found is None:
            return node.name
        function, percentile = found
        if function.name in RELATIONS:
            return self._relation(node, function)
        at_least = OR if function.takes is Takes.CONDITION else SIGN
        said = self._words.separator.join(self._say(argument, at_least) for argument in node.arguments)
        shape = function.en if self._tongue is Tongue.EN else function.zh
        said = shape.format(x=said, fact=self._fact(node), p=self._percentile(percentile))
        if node.clauses.where is not None:
            where = self._words.share_where if function.takes is Takes.CONDITION else self._words.where
            said += where.format(self._say(node.clauses.where, OR))
        return said + self._clauses(node.clauses)

    def _relation(self, node: Call, function: Function) -> str:
        """A condition on another row: how far away it lies, which moment of which rows, what is alike."""
        spans = [self._bare(one) for one in node.arguments if isinstance(one, Duration)]
        names = [one for one in node.arguments if not isinstance(one, Duration)]
        moments, alike = [self._bare(one) for one in names[:1]], [self._bare(one) for one in names[1:]]
        shape = function.en if self._tongue is Tongue.EN else function.zh
        said = shape.format(
            x=self._words.separator.join(spans),
            fact=self._label_of_fact(names[:1]),
            moment=self._words.separator.join(moments),
        )
        if alike:
            said += self._words.alike.format(self._words.separator.join(alike))
        if node.clauses.where is not None:
            said += self._words.where.format(self._say(node.clauses.where, OR))
        return said + self._clauses(node.clauses)

    def _fact(self, node: Call) -> str:
        own, outer = node.clauses, self._trailing
        nodes = [*node.arguments, *(n for n in (own.where, outer.where) if n is not None)]
        nodes.extend(own.across or outer.across)
        return self._label_of_fact(nodes, own.state or outer.state)

    def _label_of_fact(self, nodes: Sequence[Node], state: str | None = None) -> str:
        names = (name for one in nodes for name in _names(one))
        known = [field for field in map(self._vocabulary.find_field, names) if field is not None]
        named = find_stateful(self._vocabulary, known, state)
        fact = self._vocabulary.facts[named or INTERACTION]
        return fact.label_en if self._tongue is Tongue.EN else fact.label_zh

    def _state(self, name: str) -> str:
        found = (fact.states[name] for fact in self._vocabulary.facts.values() if name in fact.states)
        state = next(found, None)
        if state is None:
            return name
        return state.label_en if self._tongue is Tongue.EN else state.label_zh

    def _percentile(self, percentile: Decimal | None) -> str:
        if percentile is None:
            return ""
        number = format_number(percentile * 100)
        return _ordinal(number) if self._tongue is Tongue.EN else number

    def _credited(self, name: str) -> str:
        rule = find_rule(name)
        return name if rule is None else rule.en if self._tongue is Tongue.EN else rule.zh

    def _duration(self, milliseconds: int) -> str:
        said = []
        for count, unit in split_duration(milliseconds):
            plural = "s" if self._tongue is Tongue.EN and count != 1 else ""
            said.append(f"{count}{self._words.units[unit]}{plural}")
        return " ".join(said)

    def _is_between(self, node: Node) -> bool:
        """Whether the node is the time between two moments."""
        if not isinstance(node, Binary) or node.op != "-":
            return False
        sides = (self._vocabulary.find_field(s.path) for s in (node.left, node.right) if isinstance(s, Name))
        moments = [side for side in sides if side is not None and side.type == MOMENT]
        return len(moments) == 2

    def _label(self, field: Field) -> str:
        return field.label_en if self._tongue is Tongue.EN else field.label_zh


def _ordinal(number: str) -> str:
    if number[-2:] in ("11", "12", "13") or "." in number:
        return f"{number}th"
    return number + {"1": "st", "2": "nd", "3": "rd"}.get(number[-1], "th")


def _names(node: Node) -> Iterator[tuple[str, ...]]:
    match node:
        case Name(path):
            yield path
        case Unary(operand=operand) | Missing(operand=operand):
            yield from _names(operand)
        case Binary(left=left, right=right):
            yield from _names(left)
            yield from _names(right)
        case Among(operand=operand, options=options):
            for one in (operand, *options):
                yield from _names(one)
        case Conditional(condition=condition, then=then, otherwise=otherwise):
            for one in (condition, then, otherwise):
                yield from _names(one)
        case Call(name=name, arguments=arguments) if name in RELATIONS:
            for one in arguments[2:]:  # all else lies on another row
                yield from _names(one)
        case Call(arguments=arguments, clauses=clauses):
            for one in (*arguments, *((clauses.where,) if clauses.where is not None else ())):
                yield from _names(one)
        case _:
            return
