"""Agents in TOML and JSON files, and definitions at hand as data."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from steer.agents import (
    Agent,
    ImportRef,
    InlineRef,
    McpHttp,
    McpStdio,
    ModelSettings,
    Variable,
    file_digest,
    load_agent,
    load_definition,
    resolve,
)
from steer.errors import AgentError, Diverged
from steer.values import Effect

Write = Callable[[Mapping[str, str]], Path]

TOOLS = """
from steer.agents import tool

@tool(effect="none")
def price(item: str) -> int:
    "What it costs."
    return 3

def plain(item: str) -> int:
    "Plain."
    return 4

number = 5
"""

FULL = """
name = "support"
description = "Answers questions about orders."
instructions = 'Serve {city}. Answer like {"total": 1}.'
model = "some-model"
tools = ["shop_desk.py:price", "shop_till:plain"]
output_schema = "order.json"
handoffs = ["billing.toml"]
runtime = "llm"

[variables.city]
description = "where the shop is"
default = "Bonn"

[settings]
temperature = 0
seed = 0

[mcp_servers.files]
command = "serve"
args = ["--root", "."]
env = { TOKEN = "t" }

[mcp_servers.docs]
url = "https://example.org/mcp"

[runtime_config]
retries = 0
"""

FILES = {
    "agent.toml": FULL,
    "billing.toml": 'name = "billing"',
    "shop_desk.py": TOOLS,
    "shop_till.py": TOOLS,
    "order.json": json.dumps(
        {"type": "object", "properties": {"total": {"type": "integer"}}, "title": "Order"}
    ),
}


def test_a_toml_file_says_all_that_an_agent_is(write: Write) -> None:
    folder = write(FILES)
    loaded = load_agent("agent.toml", cwd=folder)
    agent = loaded.agent
    assert (agent.name, agent.description) == ("support", "Answers questions about orders.")
    assert agent.instructions_with({}) == 'Serve Bonn. Answer like {"total": 1}.'
    assert agent.variables == {"city": Variable(description="where the shop is", default="Bonn")}
    assert agent.settings == ModelSettings(temperature=0, seed=0)
    assert (agent.model, agent.runtime, agent.runtime_config) == (
        "some-model",
        "llm",
        {"retries": 0},
    )
    assert [(tool.name, tool.effect) for tool in agent.tools] == [
        ("price", Effect.NONE),
        ("plain", Effect.ONCE),
    ]
    assert [other.name for other in agent.handoffs] == ["billing"]
    assert agent.output is not None
    assert agent.output.validate('{"total": 3}') == {"total": 3}
    assert agent.mcp_servers == (
        McpStdio(name="files", command="serve", args=["--root", "."], env={"TOKEN": "t"}),
        McpHttp(name="docs", url="https://example.org/mcp"),
    )
    assert loaded.ref == ImportRef(
        target=str(folder / "agent.toml"), digest=file_digest(folder / "agent.toml")
    )


def test_json_says_the_same(write: Write) -> None:
    definition = {"name": "a", "tools": ["shop_desk.py:price"], "settings": {"top_p": 0.5}}
    folder = write({**FILES, "a.json": json.dumps(definition)})
    agent = load_agent("a.json", cwd=folder).agent
    assert [tool.name for tool in agent.tools] == ["price"]
    assert agent.settings.top_p == 0.5


def test_a_definition_at_hand_is_built_and_built_again(write: Write) -> None:
    folder = write(FILES)
    definition: dict[str, Any] = {
        "name": "a",
        "tools": ["shop_desk.py:price"],
        "output_schema": {"type": "object"},
    }
    loaded = load_definition(definition, cwd=folder)
    assert loaded.source is None
    assert isinstance(loaded.ref, InlineRef)
    again = resolve(loaded.ref).agent
    assert [tool.name for tool in again.tools] == ["price"]
    assert again.output is not None


def test_a_handoff_may_be_a_python_agent(write: Write) -> None:
    python = "from steer.agents import Agent\nbilling = Agent(name='billing')\n"
    folder = write({"a.toml": 'name = "a"\nhandoffs = ["team.py:billing"]', "team.py": python})
    [billing] = load_agent("a.toml", cwd=folder).agent.handoffs
    assert isinstance(billing, Agent)


def test_a_changed_file_diverges(write: Write) -> None:
    folder = write({"a.toml": 'name = "a"'})
    ref = load_agent("a.toml", cwd=folder).ref
    write({"a.toml": 'name = "b"'})
    with pytest.raises(Diverged):
        resolve(ref)
    assert resolve(ref, allow_changed=True).agent.name == "b"


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "a.toml",
            'name = "a"\nmodle = "m"',
            "a.toml: unknown key modle. Did you mean model?",
        ),
        (
            "a.toml",
            'name = "a"\n[settings]\ntemprature = 1',
            "a.toml: unknown key settings.temprature. Did you mean temperature?",
        ),
        (
            "a.toml",
            'name = "a"\n[variables.city]\nrequired = true',
            "a.toml: unknown key variables.city.required. Known keys: description, default",
        ),
        (
            "a.toml",
            'name = "a"\n[mcp_servers.x]\ncomand = "c"',
            "a.toml: unknown key mcp_servers.x.comand. Did you mean command?",
        ),
        ("a.toml", 'model = "m"', "a.toml: name: Field required"),
        (
            "a.toml",
            'name = 1\ntools = "x"',
            "a.toml: name: Input should be a valid string (and 1 more)",
        ),
        (
            "a.toml",
            'name = "a"\n[settings]\ntemperature = 3',
            "a.toml: temperature is 3.0, it must lie between 0 and 2",
        ),
        (
            "a.toml",
            'name = "a"\n[mcp_servers.x]\ncommand = "c"\nurl = "http://x"',
            ("a.toml: mcp_servers.x is not clear. Give either command or url, and its keys"),
        ),
        (
            "a.toml",
            'name = "a"\n[mcp_servers.x]',
            ("a.toml: mcp_servers.x is not clear. Give either command or url, and its keys"),
        ),
        (
            "a.toml",
            'name = "a\nmodel = 1',
            "a.toml: not valid TOML: Illegal character '\\n' (at line 1, column 10)",
        ),
        ("a.toml", "name = = 1", "a.toml: not valid TOML: Invalid value (at line 1, column 8)"),
        ("a.json", '{"name": ', "a.json:1:10: not valid JSON: Expecting value"),
        ("a.json", '{\n"name" 1}', "a.json:2:8: not valid JSON: Expecting ':' delimiter"),
        ("a.json", "[]", "a.json holds no object. Put the keys into one { }"),
        ("a.json", "[" * 100_000, "a.json: nested too deeply"),
        (
            "a.toml",
            'name = "a"\ntools = ["shop_desk.py"]',
            (
                "a.toml: the tool 'shop_desk.py' does not name a function. "
                "Write module:function or FILE.py:function"
            ),
        ),
        (
            "a.toml",
            'name = "a"\ntools = ["shop_desk.py:pirce"]',
            "a.toml: there is no function shop_desk.py:pirce",
        ),
        (
            "a.toml",
            'name = "a"\ntools = ["shop_desk.py:number"]',
            "a.toml: there is no function shop_desk.py:number",
        ),
        (
            "a.toml",
            'name = "a"\ntools = ["gone.py:price"]',
            "a.toml: gone.py does not exist. It was looked for in {folder}",
        ),
        (
            "a.toml",
            'name = "a"\noutput_schema = "gone.json"',
            "a.toml: gone.json does not exist. It was looked for in {folder}",
        ),
        (
            "a.toml",
            'name = "a"\n[output_schema]\ntype = "array"',
            (
                "a.toml: agent 'a': the output schema is no object at its root. "
                'Set "type": "object" and put the value into one of its properties'
            ),
        ),
        (
            "a.toml",
            'name = "a"\nhandoffs = ["b.toml"]',
            "a.toml: b.toml: a.toml hands off to itself. Leave one handoff out",
        ),
        (
            "a.toml",
            'name = "a"\ninstructions = "{x}"\nvariables = ["x"]',
            "a.toml: variables: Input should be a valid dictionary",
        ),
        ("a.toml:agent", 'name = "a"', "a.toml holds one agent. Leave out :agent"),
    ],
)
def test_each_mistake_is_one_sentence_with_its_place_and_its_fix(
    write: Write, file: str, text: str, message: str
) -> None:
    folder = write(
        {**FILES, "b.toml": 'name = "b"\nhandoffs = ["a.toml"]', file.partition(":")[0]: text}
    )
    with pytest.raises(AgentError) as caught:
        load_agent(file, cwd=folder)
    assert str(caught.value) == message.replace("{folder}", str(folder))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b'name = "\xff"')
    with pytest.raises(AgentError, match=r"a\.toml is not UTF-8 at byte 8"):
        load_agent("a.toml", cwd=tmp_path)
