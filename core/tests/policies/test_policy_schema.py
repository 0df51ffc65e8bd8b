from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator  # type: ignore[import-untyped] # it has no types
from steer.errors import ConfigError
from steer.policies import parse_policy
from steer.policies.toml_schema import policy_schema, schema_text

REFERENCE = Path(__file__).parents[3] / "docs/reference"
VALIDATOR = Draft7Validator(policy_schema())


def test_the_schema_is_one() -> None:
    Draft7Validator.check_schema(policy_schema())


def test_the_file_of_the_reference_is_current() -> None:
    assert (REFERENCE / "policy.schema.json").read_text() == schema_text(), (
        "it is made by: steer policy schema > docs/reference/policy.schema.json"
    )


TABLES = {
    "The file": None,
    "`[[tools]]`": "ToolTable",
    "Conditions on arguments": "ConditionTable",
    "`[[models]]`": "ModelTable",
    "`[[runs]]`": "RunTable",
    "`[[data]]`": "DataTable",
    "`[[actions]]`": "ActionTable",
    "`[constraints]`": "ConstraintsTable",
    "`[redaction]`": "RedactionTable",
    "`[[redaction.rules]]`": "RedactionRuleTable",
    "`[[tests]]`": "CaseTable",
}


def test_the_reference_has_every_key_and_says_the_same_of_it() -> None:
    schema = policy_schema()
    page = (REFERENCE / "policy-file.md").read_text()
    sections = dict(part.split("\n", 1) for part in page.split("\n## ")[1:])
    for heading, name in TABLES.items():
        table = schema if name is None else schema["$defs"][name]
        rows = re.findall(r"^\| `(\w+)` \| .* \| (.+) \|$", sections[heading], re.MULTILINE)
        said = {key: value["description"] for key, value in table["properties"].items()}
        assert dict(rows) == said, heading
    assert set(TABLES.values()) - {None} == {name for name in schema["$defs"] if "Table" in name}


WHOLE = """
#:schema ./policy.schema.json
name = "all"
version = "1"
default = "ask"

[[tools]]
name = "reading"
allow = "read_*"
scopes = "acme"
principals = ["ann", "bob"]
kinds = ["mcp", "native"]
effects = "none"
drop = "debug"
set = { limit = 10, "options.deep" = false }

[tools.when]
currency = "EUR"
urgent = false
path = { under = ["/files", "/data"] }
amount = { min = 1, max = 9.5 }
mode = { in = ["a", 1] }

[[tools]]
ask = "refund"
approvers = "lead-*"
expires_in = "4h"

[[models]]
ask = "gpt-*"

[[runs]]
deny = "billing"
runtimes = "openai_*"

[[data]]
allow = "*"
actions = "read"

[[actions]]
deny = "approval"
own = true

[constraints]
max_turns = 8

[redaction]
patterns = "secrets"
keys = ["password", "*_token"]

[[redaction.rules]]
name = "acme"
pattern = "ACME-[0-9]{4}"

[[tests]]
tool = "read_x"
args = { path = "/files" }
expect = "ask"
"""
MISTAKES = (
    "defualt = 'deny'",
    "default = 'no'",
    "name = 'a b'",
    "[tools]\nallow = '*'",
    "[[tools]]\nreason = 'none'",
    "[[tools]]\nallow = 'a'\ndeny = 'b'",
    "[[tools]]\nallow = [3]",
    "[[tools]]\nallow = '*'\nkinds = ['hostd']",
    "[[tools]]\nallow = '*'\nwhen = { amount = { mn = 3 } }",
    "[[tools]]\nallow = '*'\nwhen = { id = ['a', 'b'] }",
    "[[tools]]\nask = '*'\nexpires_in = 'soon'",
    "[[tools]]\nask = '*'\nexpires_in = 0",
    "[[tools]]\nask = '*'\non_expiry = 'allow'",
    "[[data]]\nallow = '*'\nactions = 'delete'",
    "[[actions]]\nask = 'approval'",
    "[constraints]\nmax_turns = -1",
    "[redaction]\npattern = 'secrets'",
    "[[redaction.rules]]\nname = 'acme'",
    "[[tests]]\ntool = 'x'",
)


def test_an_editor_accepts_what_steer_reads() -> None:
    parse_policy(WHOLE)
    assert list(VALIDATOR.iter_errors(tomllib.loads(WHOLE))) == []


@pytest.mark.parametrize("text", MISTAKES)
def test_an_editor_refuses_what_steer_refuses(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_policy(text)
    assert not VALIDATOR.is_valid(tomllib.loads(text))


def test_everything_in_it_is_described() -> None:
    schema = policy_schema()
    tables: Mapping[str, Any] = {"file": schema} | schema["$defs"]
    nameless = [
        f"{name}.{key}"
        for name, table in tables.items()
        for key, said in table.get("properties", {}).items()
        if not said.get("description")
    ]
    assert nameless == []
    assert json.loads(schema_text()) == schema
