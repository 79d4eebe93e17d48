"""Records of a batch as typed inputs, made from the shapes that every import follows, so that they cannot
drift.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import strawberry

from backend.core.errors import Invalid
from backend.ingestion.shapes import SHAPES, FieldType, Shape, ShapeField
from schema.scalars import LocalMoment

_TYPES: dict[FieldType, tuple[Any, str]] = {
    FieldType.TEXT: (str, ""),
    FieldType.REFERENCE: (str, ""),
    FieldType.INTERACTION: (str, ""),
    FieldType.CHOICE: (str, ""),
    FieldType.MOMENT: (LocalMoment, "A moment."),
    FieldType.DURATION: (float, "Seconds."),
    FieldType.INTEGER: (int, "A whole number."),
    FieldType.BOOLEAN: (bool, "True or false; null when not known."),
    FieldType.SCORE: (float, "A score on its scale, up to three decimals."),
    FieldType.MONEY: (str, "Money in major units of the record's currency, as text such as `12.50`."),
}


def _input(shape: Shape, name: str, description: str) -> type:
    ordered = sorted(shape.fields, key=lambda field: not field.required)  # dataclasses want defaults last
    members: dict[str, Any] = {field.name: _described(field) for field in ordered}
    types = {field.name: _type(field) for field in ordered}
    made = type(name, (), {**members, "__annotations__": types, "__module__": __name__})
    return strawberry.input(made, name=name, description=description)


def _type(field: ShapeField) -> Any:
    kind, _ = _TYPES[field.type]
    return kind if field.required else kind | None


def _described(field: ShapeField) -> Any:
    choices = f"One of {', '.join(field.choices)}." if field.choices else ""
    words = field.name.replace("_", " ").capitalize() + "."
    described = " ".join(part for part in (field.doc or words, _TYPES[field.type][1], choices) if part)
    if field.required:
        return strawberry.field(description=described)
    return strawberry.field(default=None, description=f"{described} Null when not known.")


InteractionInput: Any = _input(
    SHAPES["interaction"], "InteractionInput", "One interaction as its source knows it."
)
SurveyInput: Any = _input(
    SHAPES["survey"], "SurveyInput", "One survey response, or an invitation not answered yet (no score)."
)
ActivityInput: Any = _input(
    SHAPES["agent_activity"], "ActivityInput", "Some time that an agent spent in one state."
)
SlaInput: Any = _input(
    SHAPES["sla"], "SlaInput", "One SLA instance: what was promised for an interaction, and what came of it."
)
CustomerInput: Any = _input(
    SHAPES["customer"], "CustomerInput", "What is known of one customer; what is left out stays as it is."
)


@strawberry.input(
    description="A small batch of records of one source and one kind: at most 500. Larger ones go to `/ingest`."
)
class ImportRecordsInput:
    source: str = strawberry.field(
        description="The source they belong to, by name: 1 to 100 printable characters."
    )
    interactions: list[InteractionInput] = strawberry.field(
        default_factory=list, description="Interactions; a batch has one of these lists."
    )
    surveys: list[SurveyInput] = strawberry.field(
        default_factory=list, description="Survey responses; a batch has one of these lists."
    )
    activities: list[ActivityInput] = strawberry.field(
        default_factory=list, description="Agent activities; a batch has one of these lists."
    )
    sla_instances: list[SlaInput] = strawberry.field(
        default_factory=list, description="SLA instances; a batch has one of these lists."
    )
    customers: list[CustomerInput] = strawberry.field(
        default_factory=list, description="Customers; a batch has one of these lists."
    )

    def only_kind(self) -> tuple[str, list[Any]]:
        """The kind of the batch's records and the records.

        Raises Invalid (BATCH_MIXED) when it holds several kinds or none.
        """
        given = {
            "interaction": self.interactions,
            "survey": self.surveys,
            "agent_activity": self.activities,
            "sla": self.sla_instances,
            "customer": self.customers,
        }
        filled = [(kind, records) for kind, records in given.items() if records]
        if len(filled) != 1:
            raise Invalid(
                "A batch holds records of one kind (interactions, surveys ...), and at least one.",
                code="BATCH_MIXED",
            )
        return filled[0]


def as_record(given: Any) -> dict[str, Any]:
    """An input as the record that the built-in mapping reads; what is null is left out."""
    found = {name: getattr(given, name) for name in given.__dataclass_fields__}
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in found.items()
        if value is not None
    }
