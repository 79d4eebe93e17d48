"""What an editor of formulas is told: what is wrong with a text, and what there is to name."""

from __future__ import annotations

from enum import Enum

import strawberry

from backend.metrics.editor import CheckedFormula
from backend.metrics.language.attribution import RULES
from backend.metrics.language.attribution import AttributionRule as DomainRule
from backend.metrics.language.clauses import CLAUSES, Clause
from backend.metrics.language.functions import FUNCTIONS, Function
from backend.metrics.language.moving import PERIODS
from backend.metrics.language.tokens import KEYWORDS
from backend.metrics.language.types import Fact, Field, State, Vocabulary
from schema.metrics.definitions import Names
from schema.metrics.enums import Unit
from schema.metrics.types import Problem


@strawberry.type(description="What a formula says, or what to mend in it.")
class CheckFormulaPayload:
    problems: list[Problem] = strawberry.field(
        description="In the order of the text; empty when it is right."
    )
    canonical: str | None = strawberry.field(
        description="The formula as it would be stored; null when there are problems."
    )
    unit: Unit | None = strawberry.field(description="What its numbers count; null when there are problems.")
    sentence: str | None = strawberry.field(
        description="The formula in plain words, in the reader's language (`Accept-Language`: en, zh); null "
        "when there are problems."
    )

    @classmethod
    def from_domain(cls, checked: CheckedFormula) -> CheckFormulaPayload:
        """The API's form of a check."""
        return cls(
            problems=[Problem.from_domain(problem) for problem in checked.problems],
            canonical=checked.canonical,
            unit=Unit(checked.unit.value) if checked.unit else None,
            sentence=checked.sentence,
        )


@strawberry.enum(description="What sort of value a field has.")
class FieldKind(Enum):
    NUMBER = strawberry.enum_value("number", description="A number, in the field's unit.")
    BOOLEAN = strawberry.enum_value("boolean", description="True, false or not known.")
    TEXT = strawberry.enum_value("text", description="A text, compared as a whole or by `contains`.")
    MOMENT = strawberry.enum_value(
        "moment", description="A moment: whether it happened, or what a duration runs from or to."
    )
    DATE = strawberry.enum_value("date", description='A day, compared with a text such as "2021-02-01".')


@strawberry.type(description="Something that rows are for a while, as `while` names it.")
class FormulaState:
    name: str = strawberry.field(description="As it is written.")
    labels: Names = strawberry.field(description="What people call it.")
    begins: list[str] = strawberry.field(description="The moments it begins with: the first that is known.")
    ends: list[str] = strawberry.field(description="The moments it ends with: the first that is known.")
    doc: str = strawberry.field(description="What it means, in English.")

    @classmethod
    def from_domain(cls, state: State) -> FormulaState:
        """The API's form of a state."""
        return cls(
            name=state.name,
            labels=Names(en=state.label_en, zh=state.label_zh),
            begins=list(state.begins),
            ends=list(state.ends),
            doc=state.doc,
        )


@strawberry.type(description="A kind of row that formulas measure.")
class FormulaFact:
    name: str = strawberry.field(
        description="What fields of these rows begin with (`survey.score`); those of `interaction` stand alone."
    )
    labels: Names = strawberry.field(description="What people call the rows.")
    anchors: list[str] = strawberry.field(description="The moments that `at` may name on them.")
    default_anchor: str = strawberry.field(description="The one that holds when a formula names none.")
    linked: bool = strawberry.field(
        description="Whether each row knows its interaction, so that its fields may be named too."
    )
    states: list[FormulaState] = strawberry.field(
        description="The states that `while` may name; empty when its rows have none."
    )

    @classmethod
    def from_domain(cls, fact: Fact) -> FormulaFact:
        """The API's form of a kind of row."""
        return cls(
            name=fact.name,
            labels=Names(en=fact.label_en, zh=fact.label_zh),
            anchors=list(fact.anchors),
            default_anchor=fact.default_anchor,
            linked=fact.linked,
            states=[FormulaState.from_domain(state) for state in fact.states.values()],
        )


@strawberry.type(description="A field that formulas, filters and dimensions may name.")
class FormulaField:
    name: str = strawberry.field(description="As it is written.")
    fact: str = strawberry.field(description="The kind of row it is a field of.")
    kind: FieldKind = strawberry.field(description="What sort of value it has.")
    unit: Unit | None = strawberry.field(description="Of a number; null for all else.")
    labels: Names = strawberry.field(description="What people call it.")
    doc: str = strawberry.field(description="What it holds, in English.")
    groupable: bool = strawberry.field(description="Whether it may be a dimension.")
    choices: list[str] = strawberry.field(description="The only values it has; empty when it may have any.")

    @classmethod
    def from_domain(cls, field: Field) -> FormulaField:
        """The API's form of a field."""
        kind = FieldKind(field.type.kind.value)
        return cls(
            name=field.name,
            fact=field.fact,
            kind=kind,
            unit=Unit(field.type.unit.value) if kind is FieldKind.NUMBER else None,
            labels=Names(en=field.label_en, zh=field.label_zh),
            doc=field.doc,
            groupable=field.groupable,
            choices=list(field.choices),
        )


@strawberry.type(description="A function of the language.")
class FormulaFunction:
    name: str = strawberry.field(
        description="As it is written; NN in it stands for a percentile, as in `p90`, `p99.9`."
    )
    signature: str = strawberry.field(description="How it is called, what may be left out in brackets.")
    gives: str = strawberry.field(description="What comes out, in English.")
    doc: str = strawberry.field(description="What it computes, in English.")
    example: str = strawberry.field(description="A formula, or a part of one, that may be tried.")
    aggregate: bool = strawberry.field(
        description="Whether it makes one number of many rows; the others stand in conditions."
    )

    @classmethod
    def from_domain(cls, function: Function) -> FormulaFunction:
        """The API's form of a function."""
        return cls(
            name=function.name,
            signature=function.signature,
            gives=function.gives.value,
            doc=function.doc,
            example=function.example,
            aggregate=not function.on_rows,
        )


@strawberry.type(description="A rule that says whose an interaction is; `credited to` names it.")
class AttributionRule:
    name: str = strawberry.field(description="As it is written.")
    labels: Names = strawberry.field(description="Whom it credits, in words.")
    doc: str = strawberry.field(description="Whose a row is, in English.")
    shares: bool = strawberry.field(
        description="Whether a row is divided among its agents, so that they add up to the total exactly."
    )
    overcounts: bool = strawberry.field(
        description="Whether a row counts in full for each of its agents, so that they add up to more than "
        "the total: `overCount` of an answer says by how much."
    )

    @classmethod
    def from_domain(cls, rule: DomainRule) -> AttributionRule:
        """The API's form of a rule."""
        return cls(
            name=rule.name,
            labels=Names(en=rule.en, zh=rule.zh),
            doc=rule.doc,
            shares=rule.shares,
            overcounts=rule.overcounts,
        )


@strawberry.type(description="What may stand after an aggregate's argument, or after a whole formula.")
class FormulaClause:
    word: str = strawberry.field(description="The word it begins with.")
    written: str = strawberry.field(description="How it is written.")
    doc: str = strawberry.field(description="What it does, in English.")
    example: str = strawberry.field(description="A formula that may be tried.")

    @classmethod
    def from_domain(cls, clause: Clause) -> FormulaClause:
        """The API's form of a clause."""
        return cls(word=clause.word, written=clause.written, doc=clause.doc, example=clause.example)


@strawberry.type(description="Everything that a formula may name beside other KPIs, which are `kpis`.")
class FormulaVocabulary:
    facts: list[FormulaFact] = strawberry.field(description="The kinds of rows.")
    fields: list[FormulaField] = strawberry.field(
        description="The fields, those of the tenant's own at the end."
    )
    functions: list[FormulaFunction] = strawberry.field(description="The functions.")
    attribution_rules: list[AttributionRule] = strawberry.field(
        description="The rules that `credited to` may name, the default first."
    )
    clauses: list[FormulaClause] = strawberry.field(description="The clauses, in the order they are written.")
    periods: list[str] = strawberry.field(
        description="The periods of `over month to date` and its like, from the shortest to the longest."
    )
    keywords: list[str] = strawberry.field(description="The words that are no names, by the alphabet.")

    @classmethod
    def from_domain(cls, vocabulary: Vocabulary) -> FormulaVocabulary:
        """The API's form of a tenant's vocabulary."""
        return cls(
            facts=[FormulaFact.from_domain(fact) for fact in vocabulary.facts.values()],
            fields=[FormulaField.from_domain(field) for field in vocabulary.fields.values()],
            functions=[FormulaFunction.from_domain(function) for function in FUNCTIONS],
            attribution_rules=[AttributionRule.from_domain(rule) for rule in RULES],
            clauses=[FormulaClause.from_domain(clause) for clause in CLAUSES],
            periods=list(PERIODS),
            keywords=sorted(KEYWORDS),
        )
