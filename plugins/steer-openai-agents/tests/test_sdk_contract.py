"""What this plugin relies on in the SDK without its promise: a new version that differs shows."""

from __future__ import annotations

import dataclasses
import inspect
from importlib.metadata import version
from typing import get_args

import agents.agent
import agents.memory.openai_responses_compaction_session
import agents.memory.session
import pytest
from agents import (
    Agent,
    HandoffOutputItem,
    MultiProvider,
    RunConfig,
    Runner,
    RunState,
    SQLiteSession,
    function_tool,
)
from agents._public_agent import get_public_agent
from agents.mcp import MCPServerStdio
from agents.models.openai_chatcompletions import OpenAIChatCompletionsModel
from agents.models.openai_provider import shared_http_client
from agents.models.openai_responses import OpenAIResponsesModel, OpenAIResponsesWSModel
from agents.run import AgentRunner, get_default_agent_runner
from agents.run_internal.tool_actions import ComputerAction
from agents.run_internal.tool_execution import (
    coerce_apply_patch_operations,
    coerce_shell_call,
    extract_apply_patch_call_id,
)
from agents.tool import FunctionTool, set_function_tool_failure_error_function
from agents.tracing import get_trace_provider
from agents.util._approvals import (
    evaluate_function_tool_approval,
    evaluate_needs_approval_setting,
)
from openai import AsyncOpenAI
from openai._base_client import AsyncAPIClient, AsyncHttpxClientWrapper
from openai.types.responses import ResponseStreamEvent
from steer_openai_agents import servers
from steer_openai_agents.narration import _HANDLERS, PLAIN
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


def test_a_provider_knows_which_interface_names_are_asked_through() -> None:
    for asked, responses in ((True, True), (False, False), (None, True)):
        provider = MultiProvider(openai_api_key="sk-x", openai_use_responses=asked)
        assert provider.openai_provider._use_responses is responses


def test_the_client_has_the_hooks_that_the_gate_stands_in() -> None:
    prepare = inspect.signature(AsyncAPIClient._prepare_request)
    assert list(prepare.parameters) == ["self", "request"]
    process = inspect.signature(AsyncAPIClient._process_response_data)
    assert {"data", "cast_to", "response"} <= set(process.parameters)
    request = inspect.getsource(AsyncAPIClient.request)
    assert request.index("_prepare_request(request)") < request.index("_send_request(")


def test_events_that_are_read_as_they_came_have_the_names_of_the_wire() -> None:
    kinds = {
        kind.model_fields["type"].annotation.__args__[0]: kind
        for kind in get_args(get_args(ResponseStreamEvent)[0])
    }
    assert kinds.keys() >= PLAIN
    told = {name: kinds[name] for name in PLAIN if _HANDLERS[name] is not None}
    for kind in told.values():
        numbers = kind.model_fields.keys() & {"content_index", "summary_index"}
        read = {"delta": str, "output_index": int, **dict.fromkeys(numbers, int)}
        assert len(read) == 3
        for name, form in read.items():
            assert kind.model_fields[name].annotation is form
            assert kind.model_fields[name].alias is None


def test_the_sdks_own_model_looks_at_no_more_of_them_than_we_do() -> None:
    source = inspect.getsource(OpenAIResponsesModel.stream_response)
    assert "isinstance(chunk, ResponseCompletedEvent)" in source
    assert source.count("isinstance(chunk, ") == 1
    assert not [name for name in PLAIN if name in source]


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


def test_the_sdk_reads_calls_and_asks_authors_by_functions_that_we_use_too() -> None:
    assert list(inspect.signature(coerce_shell_call).parameters) == ["tool_call"]
    assert list(inspect.signature(extract_apply_patch_call_id).parameters) == ["tool_call"]
    patches = inspect.signature(coerce_apply_patch_operations)
    assert list(patches.parameters) == ["tool_call", "context_wrapper"]
    function = inspect.signature(evaluate_function_tool_approval)
    assert list(function.parameters)[:4] == ["function_tool", "context", "arguments", "call_id"]
    assert inspect.iscoroutinefunction(evaluate_needs_approval_setting)


def test_what_a_connection_to_an_mcp_server_is_made_of_is_known() -> None:
    """A copy for one run is given these anew, and shares the rest with the author's server."""
    server = MCPServerStdio(params={"command": "true"})
    private = servers._private(server)
    renewed = {name for name, value in vars(private).items() if value is not vars(server)[name]}
    assert renewed == {"exit_stack", "_cleanup_lock", "_request_lock"}
    assert {name for name in vars(server) if name.startswith("_")} == {
        "_cache_dirty",
        "_cleanup_lock",
        "_failure_error_function",
        "_get_session_id",
        "_name",
        "_needs_approval_policy",
        "_request_lock",
        "_serialize_session_requests",
        "_tools_cache_generation",
        "_tools_last_published_refresh_sequence",
        "_tools_list",
        "_tools_refresh_sequence",
        "_v2_session_id",
    }


def test_a_computers_call_is_done_step_by_step_and_ends_with_a_picture() -> None:
    act = inspect.signature(ComputerAction._execute_action_and_capture)
    assert list(act.parameters) == ["computer", "tool_call"]
    source = inspect.getsource(ComputerAction._execute_action_and_capture)
    assert source.count('await maybe_call("screenshot")') == 2
    assert "last_action_was_screenshot" in source
