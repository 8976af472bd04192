"""JSON Schemas as short as they can be: every conversation with an assistant carries those of the tools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

ANSWERS: Final = "#/components/schemas/"
"""Where an OpenAPI document has its schemas."""


class _Short(GenerateJsonSchema):
    """Without titles, which only repeat the names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        made.pop("title", None)
        return made


class _ShortInput(_Short):
    """An argument that may be left out need not also take null."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        kinds = cast("list[JsonSchemaValue] | None", made.get("anyOf"))
        if made.get("default", ...) is not None or kinds is None:
            return made
        (kind,) = (kind for kind in kinds if kind != {"type": "null"})
        return kind


def input_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Of a tool's arguments."""
    made = _made(model, _ShortInput, "validation")
    made.pop("description", None)
    return made


def output_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Of a tool's structured answer."""
    return _made(model, _Short, "serialization")


def _made(model: type[BaseModel], how: type[GenerateJsonSchema], mode: JsonSchemaMode) -> dict[str, Any]:
    made = model.model_json_schema(by_alias=True, schema_generator=how, mode=mode)
    made.setdefault("properties", {})
    return made


def schemas_of(models: Sequence[type[BaseModel]]) -> dict[str, Any]:
    """Of answers and all that is in them, by name; each refers to the others below :data:`ANSWERS`."""
    asked: list[tuple[type[BaseModel], JsonSchemaMode]] = [(model, "serialization") for model in dict.fromkeys(models)]
    _, made = models_json_schema(asked, by_alias=True, ref_template=ANSWERS + "{model}", schema_generator=_Short)
    return made["$defs"]
