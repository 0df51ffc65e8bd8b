"""``steer run``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from steer.cli.help_text import section
from steer.cli.inputs import (
    read_key,
    read_pairs,
    read_prompt,
    read_schema,
    read_settings_pairs,
)
from steer.cli.opening import open_kernel
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
from steer.cli.run_form import run_form
from steer.cli.running import run_in_foreground
from steer.context import BudgetSpec, RetrySpec
from steer.handle import ExecutionHandle
from steer.kernel import RuntimeKernel
from steer.ports.options import PrepareOptions
from steer.request import ExecutionRequest

__all__ = ["app"]

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_EXAMPLES = (
    'steer run agent.py "How is the weather in Oslo?"',
    "steer run agent.py:triage --policy rules.toml < question.txt",
    'steer run agent.toml --base-url http://127.0.0.1:8000/v1 --model local "Hello"',
    'answer=$(steer run agent.py --quiet "Name a colour")',
)


@app.command(epilog=section("Examples", _EXAMPLES))
def run(
    agent: Annotated[
        str,
        typer.Argument(
            metavar="AGENT",
            help="FILE.py, FILE.py:NAME, package.module:NAME, FILE.toml or FILE.json",
        ),
    ],
    prompt: Annotated[
        str | None,
        typer.Argument(metavar="PROMPT", help="What to ask it. Left out or -: standard input."),
    ] = None,
    *,
    runtime: Annotated[
        str | None, typer.Option(metavar="NAME", help="What runs it, if not what fits the agent.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Ask this model, not the agent's own.")
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The provider, as its own clients write it: with /v1."),
    ] = None,
    api_key_env: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The environment variable that holds the key."),
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME|FILE.toml", help="Rules to run under. May be repeated."),
    ] = None,
    system: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Instructions in place of the agent's.")
    ] = None,
    var: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=TEXT", help="A variable of the instructions. Repeatable."),
    ] = None,
    schema: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Answer in JSON that fits this JSON schema."),
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(metavar="N", help="Tokens, in and out, of the whole run.")
    ] = None,
    max_turns: Annotated[
        int | None, typer.Option(metavar="N", help="Messages of the model.")
    ] = None,
    max_tool_calls: Annotated[
        int | None, typer.Option(metavar="N", help="Tool calls that are allowed.")
    ] = None,
    max_seconds: Annotated[
        float | None, typer.Option(metavar="N", help="Time for all of it.")
    ] = None,
    max_output_tokens: Annotated[
        int | None, typer.Option(metavar="N", help="Tokens of one message.")
    ] = None,
    retries: Annotated[
        int, typer.Option(metavar="N", help="How often a request that failed is made again.")
    ] = RetrySpec().max_retries,
    temperature: Annotated[float | None, typer.Option(metavar="N")] = None,
    top_p: Annotated[float | None, typer.Option(metavar="N")] = None,
    seed: Annotated[int | None, typer.Option(metavar="N")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of the runtime. Repeatable."),
    ] = None,
    session: Annotated[
        str | None, typer.Option(metavar="ID", help="The conversation this belongs to.")
    ] = None,
    idempotency_key: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Run once: asking again shows the same job."),
    ] = None,
    principal: Principal = None,
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
    line of JSON on standard output. Ctrl-C cancels the run.
    """
    form = run_form(as_json=as_json, quiet=quiet)
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
    asked = read_prompt(prompt)
    opening = open_kernel(settings)
    request = ExecutionRequest(
        agent=agent,
        prompt=asked,
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
            output_schema=read_schema(schema),
            variables=read_pairs("--var", var),
            config=read_settings_pairs("--set", set_),
        ),
        scope_id=settings.scope,
        principal_id=settings.principal,
        session_id=session,
        budgets=BudgetSpec(
            max_tokens=max_tokens,
            max_turns=max_turns,
            max_tool_calls=max_tool_calls,
            max_runtime_seconds=max_seconds,
        ),
        retries=RetrySpec(max_retries=retries),
        policies=opening.policies,
        idempotency_key=idempotency_key,
    )

    async def start(kernel: RuntimeKernel) -> ExecutionHandle:
        return await kernel.execute(request)

    return run_in_foreground(opening.kernel, start, form=form, by=settings.principal)
