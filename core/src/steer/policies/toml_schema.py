"""The JSON schema of a policy file, for editors: made of the classes that read the file."""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from steer.policies.toml_tables import PolicyFile

__all__ = ["policy_schema", "schema_text"]

_DIALECT = "http://json-schema.org/draft-07/schema#"


class _TomlSchema(GenerateJsonSchema):
    """As pydantic's, without what TOML cannot say and without titles made of names."""

    def nullable_schema(self, schema: Any) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        if schema.get("default") in (None, "", [], {}):
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False


def policy_schema() -> dict[str, Any]:
    """Return the schema. Draft 7, which the editors' TOML extensions understand."""
    schema = PolicyFile.model_json_schema(schema_generator=_TomlSchema)
    return {"$schema": _DIALECT, **schema}


def schema_text() -> str:
    """Return it as it is written to a file."""
    return json.dumps(policy_schema(), indent=2, sort_keys=True) + "\n"
