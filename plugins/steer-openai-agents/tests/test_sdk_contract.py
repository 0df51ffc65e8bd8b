"""What this plugin relies on in the SDK without its promise: a new version that differs shows."""

from __future__ import annotations

import dataclasses
import inspect
from importlib.metadata import version

import agents.agent
import agents.memory.openai_responses_compaction_session
import agents.memory.session
import pytest
from agents import (
    Agent,
    HandoffOutputItem,
    RunConfig,
    Runner,
    RunState,
    SQLiteSession,
    function_tool,
)
from agents._public_agent import get_public_agent
from agents.models.openai_chatcompletions import OpenAIChatCompletionsModel
from agents.models.openai_provider import shared_http_client
from agents.models.openai_responses import OpenAIResponsesModel, OpenAIResponsesWSModel
from agents.run import AgentRunner, get_default_agent_runner
from agents.tool import FunctionTool, set_function_tool_failure_error_function
from agents.tracing import get_trace_provider
from openai import AsyncOpenAI
from openai._base_client import AsyncAPIClient, AsyncHttpxClientWrapper
from steer_openai_agents.public import _AGENTS_OF_ITEMS
from steer_openai_agents.runtime import open_runtime
from steer_openai_agents.sessions import _ALL
from steer_openai_agents.threads import FUNCTION_NAME
from steer_openai_agents.tools import _SDK_TEXT, _SYNC


def test_the_version_is_one_that_this_was_written_for() -> None:
    assert version("openai-agents").startswith("0.24.")


def test_models_keep_their_client_and_close_streams_where_we_look() -> None:
    client = AsyncOpenAI(api_key="sk-x")
    for kind in (OpenAIResponsesModel, OpenAIChatCompletionsModel):
        assert kind(model="m", openai_client=client)._client is client
        assert list(inspect.signature(kind._detach_stream_close).parameters) == [
            "self",
            "close_task",
        ]
        source = inspect.getsource(kind)
        assert "self._detach_stream_close(" in source
        assert "_get_client()" in source
    assert issubclass(OpenAIResponsesWSModel, OpenAIResponsesModel)


def test_the_client_has_the_hooks_that_the_gate_stands_in() -> None:
    prepare = inspect.signature(AsyncAPIClient._prepare_request)
    assert list(prepare.parameters) == ["self", "request"]
    process = inspect.signature(AsyncAPIClient._process_response_data)
    assert {"data", "cast_to", "response"} <= set(process.parameters)
    request = inspect.getsource(AsyncAPIClient.request)
    assert request.index("_prepare_request(request)") < request.index("_send_request(")


def test_http_clients_that_nobody_configured_are_known() -> None:
    assert type(AsyncOpenAI(api_key="sk-x")._client) is AsyncHttpxClientWrapper
    assert shared_http_client() is shared_http_client()


def test_a_sync_function_is_marked_and_called_by_a_name_we_know() -> None:
    @function_tool
    def act() -> str:
        return "acted"

    @function_tool
    async def act_async() -> str:
        return "acted"

    handler = act.on_invoke_tool
    assert getattr(handler, _SYNC) is True
    assert not hasattr(act_async.on_invoke_tool, _SYNC)
    run = handler._invoke_tool_impl  # type: ignore[attr-defined]
    assert FUNCTION_NAME in run.__code__.co_freevars
    assert run.__closure__[run.__code__.co_freevars.index(FUNCTION_NAME)].cell_contents() == "acted"


def test_the_sdk_says_where_a_result_is_its_own_text() -> None:
    assert agents.tool._DEFAULT_FAILURE_HANDLED_ATTR == _SDK_TEXT
    assert set_function_tool_failure_error_function is not None
    assert "_output_type_adapter" in FunctionTool.__dataclass_fields__


def test_callbacks_are_given_the_agent_that_a_copy_names() -> None:
    agent, copied = Agent(name="a"), Agent(name="a")
    vars(copied)["_agents_public_agent"] = agent
    assert get_public_agent(copied) is agent


def test_nested_runs_go_through_the_default_runner() -> None:
    for method in (Runner.run, Runner.run_sync, Runner.run_streamed):
        assert "DEFAULT_AGENT_RUNNER" in inspect.getsource(method)
    assert "Runner.run(" in inspect.getsource(agents.agent.Agent.as_tool)
    assert "self.run(" in inspect.getsource(AgentRunner._run_sync_impl)
    assert RunConfig(model_provider=RunConfig().model_provider).group_id is None


@pytest.mark.anyio
async def test_what_the_sdk_has_one_of_is_given_back_in_any_order() -> None:
    before, traces = get_default_agent_runner(), get_trace_provider()
    first, second = open_runtime(), open_runtime()
    assert get_default_agent_runner() is not before
    assert get_trace_provider() is not traces
    await first.aclose()
    await second.aclose()
    assert get_default_agent_runner() is before
    assert get_trace_provider() is traces


def test_sessions_are_called_in_ways_that_we_know() -> None:
    source = inspect.getsource(agents.memory.session._call_session_method)
    assert 'kwargs["wrapper"] = wrapper' in source
    for name in ("get_items", "add_items", "pop_item", "clear_session"):
        method = getattr(SQLiteSession, name)
        assert {"limit", "items"} >= set(inspect.signature(method).parameters) - {"self"}
    session = SQLiteSession("x")
    closed = [session._closed]
    session.close()
    closed.append(session._closed)
    assert closed == [False, True]
    assert (str(session.db_path), session.sessions_table) == (":memory:", "agent_sessions")
    assert agents.memory.openai_responses_compaction_session._ALL_SESSION_ITEMS_LIMIT == _ALL


def test_a_state_knows_the_agent_that_it_goes_on_with() -> None:
    assert "_current_agent" in inspect.getsource(RunState.__init__)


def test_items_keep_their_agents_in_attributes_that_we_know() -> None:
    names = {each.name for each in dataclasses.fields(HandoffOutputItem)}
    assert set(_AGENTS_OF_ITEMS) <= names
