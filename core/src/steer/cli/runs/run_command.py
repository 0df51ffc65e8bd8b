"""``steer run``."""

from __future__ import annotations

import typer

from steer.cli.help_text import section
from steer.cli.inputs import read_key, read_pairs, read_schema, read_settings_pairs
from steer.cli.opening import check_shared, open_kernel
from steer.cli.options import (
    AsJson,
    ConfigFile,
    Principal,
    Quiet,
    Scope,
    Sink,
    StorageUrl,
    settings_from,
)
from steer.cli.runs import run_options as options
from steer.cli.runs.approvals_option import Approvals as WhoIsAsked
from steer.cli.runs.approvals_option import approval_spec, chosen_approvals
from steer.cli.runs.conversations import read_input
from steer.cli.runs.queueing import queue_and_end
from steer.cli.runs.run_form import run_form
from steer.cli.runs.running import run_in_foreground
from steer.cli.sections import SectionedCommand
from steer.cli.terminal.amounts import dollars
from steer.context import BudgetSpec, JobRetrySpec, RetrySpec
from steer.errors import ConfigError
from steer.handle import ExecutionHandle
from steer.kernel import RuntimeKernel
from steer.ports.options import PrepareOptions
from steer.request import ExecutionRequest

__all__ = ["app"]

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_RETRIES = RetrySpec().max_retries
_EXAMPLES = (
    'steer run agent.py "How is the weather in Oslo?"',
    'steer run agent.py "What is on this picture?" --file photo.png',
    "steer run agent.py:triage --policy rules.toml < question.txt",
    'steer run agent.toml --base-url http://127.0.0.1:8000/v1 --model local "Hello"',
    'steer run agent.py --detach "Write the report"',
    'answer=$(steer run agent.py --quiet "Name a colour")',
)


@app.command(cls=SectionedCommand, epilog=section("Examples", _EXAMPLES))
def run(
    agent: options.AgentName,
    prompt: options.Prompt = None,
    *,
    file: options.Files = None,
    messages: options.Messages = None,
    system: options.System = None,
    var: options.Variables = None,
    model: options.Model = None,
    base_url: options.BaseUrl = None,
    api_key_env: options.ApiKeyEnv = None,
    reasoning_effort: options.ReasoningEffort = None,
    temperature: options.Temperature = None,
    top_p: options.TopP = None,
    seed: options.Seed = None,
    deterministic: options.Deterministic = False,
    schema: options.Schema = None,
    strict_schema: options.StrictSchema = None,
    tool_choice: options.ToolChoice = None,
    parallel_tool_calls: options.ParallelToolCalls = None,
    max_cost: options.MaxCost = None,
    max_tokens: options.MaxTokens = None,
    max_turns: options.MaxTurns = None,
    max_tool_calls: options.MaxToolCalls = None,
    max_seconds: options.MaxSeconds = None,
    max_output_tokens: options.MaxOutputTokens = None,
    retries: options.Retries = _RETRIES,
    approvals: options.Approvals = None,
    park_after: options.ParkAfter = None,
    answer_within: options.AnswerWithin = None,
    job_retries: options.JobRetries = 0,
    runtime: options.Runtime = None,
    set_: options.SetPairs = None,
    policy: options.Policy = None,
    session: options.Session = None,
    session_busy: options.SessionBusy = None,
    session_wait: options.SessionWait = None,
    idempotency_key: options.IdempotencyKey = None,
    detach: options.Detach = False,
    queue: options.Queue = "default",
    delay: options.Delay = None,
    principal: Principal = None,
    team: options.Team = None,
    scope: Scope = None,
    sink: Sink = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Run an agent and show what it does.

    The model's text goes to standard output as it comes. Tool calls, their results, denials and a
    last line with status, tokens, time and job go to standard error. With --json each event is a
    line of JSON on standard output. Ctrl-C cancels the run. With --detach nothing runs here: the
    job's id goes to standard output, and steer worker runs it.
    """
    if delay is not None and not detach:
        raise ConfigError("--delay is for a job that waits for a worker", fix="Add --detach")
    _check_session(session, session_busy, session_wait, detach=detach)
    form = run_form(as_json=as_json, quiet=quiet)
    asked = chosen_approvals(approvals, form)
    spec = approval_spec(asked, park_after=park_after, answer_within=answer_within)
    settings = settings_from(
        runtime=runtime,
        model=model,
        base_url=base_url,
        policy=policy,
        principal=principal,
        scope=scope,
        sink=sink,
        storage=storage,
        config=config,
    )
    conversation = read_input(prompt, files=file, conversation=messages)
    opening = open_kernel(settings)
    request = ExecutionRequest(
        agent=agent,
        messages=conversation,
        runtime=runtime,
        options=PrepareOptions(
            model=settings.model,
            base_url=settings.base_url,
            api_key=read_key(api_key_env),
            instructions=system,
            temperature=temperature,
            top_p=top_p,
            max_output_tokens=max_output_tokens,
            seed=seed,
            reasoning_effort=reasoning_effort,
            tool_choice=tool_choice,
            parallel_tool_calls=parallel_tool_calls,
            deterministic=deterministic,
            output_schema=read_schema(schema),
            output_strict=strict_schema,
            variables=read_pairs("--var", var),
            config=read_settings_pairs("--set", set_),
        ),
        scope_id=settings.scope,
        principal_id=settings.principal,
        team_id=team,
        session_id=session,
        session_busy=session_busy,
        session_wait_seconds=session_wait,
        budgets=BudgetSpec(
            max_cost=dollars("--max-cost", max_cost),
            max_tokens=max_tokens,
            max_turns=max_turns,
            max_tool_calls=max_tool_calls,
            max_runtime_seconds=max_seconds,
        ),
        retries=RetrySpec(max_retries=retries),
        approvals=spec,
        job_retries=JobRetrySpec(attempts=job_retries),
        queue=queue,
        delay=delay,
        policies=opening.policies,
        idempotency_key=idempotency_key,
    )

    if detach:
        check_shared(settings.storage, "no worker would see the job")
        return queue_and_end(opening.kernel, request, form=form)

    async def start(kernel: RuntimeKernel) -> ExecutionHandle:
        return await kernel.execute(request)

    return run_in_foreground(
        opening.kernel,
        start,
        form=form,
        by=settings.principal,
        ask=asked is WhoIsAsked.ASK,
    )


def _check_session(
    session: str | None, busy: str | None, wait: float | None, *, detach: bool
) -> None:
    if busy is not None and session is None:
        raise ConfigError("--session-busy is about a session", fix="Name one with --session")
    if busy is not None and detach:
        raise ConfigError(
            "--session-busy is for a run that starts here: a queued job waits its turn",
            fix="Leave it or --detach out",
        )
    if wait is not None and busy != "wait":
        raise ConfigError("--session-wait bounds a wait", fix="Add --session-busy wait")
