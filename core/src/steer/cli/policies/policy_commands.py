"""``steer policy``: check, explain, test, list, schema."""

from __future__ import annotations

import asyncio

import typer
from pydantic_core import to_json

from steer.cli.exit_codes import ExitCode
from steer.cli.help_text import section
from steer.cli.options import AsJson, ConfigFile, Principal, Scope, settings_from
from steer.cli.policies import policy_options as options
from steer.cli.policies.policy_asking import asked, selected
from steer.cli.policies.policy_checking import CheckedFile
from steer.cli.policies.policy_listing import listed, listing_text
from steer.cli.policies.policy_text import Sources, explanation_json, explanation_text
from steer.cli.policies.policy_trying import tried_json, tried_text
from steer.cli.sections import SectionedCommand
from steer.cli.terminal.paint import paint_for
from steer.cli.terminal.streams import Streams
from steer.errors import ConfigError
from steer.policies import PolicyStack
from steer.policies.explaining import explain as explained
from steer.policies.files import CASES_SUFFIX, cases_beside, read_policy_file
from steer.policies.toml_schema import schema_text
from steer.policies.trying import try_cases

__all__ = ["app"]

app = typer.Typer(rich_markup_mode=None, add_completion=False, invoke_without_command=True)


@app.callback()
def policy(ctx: typer.Context) -> None:
    """Check, explain and test the rules that agents run under."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@app.command(epilog=section("Examples", ("steer policy check support.toml",)))
def check(files: options.PolicyFiles, *, as_json: AsJson = False) -> int:
    """Read policy files and tell every mistake with its line and column.

    The cases in NAME.tests.toml beside NAME.toml are read too. With --json, one file a line.
    Exit code 2 where there is a mistake.
    """
    streams = Streams.standard()
    checked = [CheckedFile.of(file) for file in files]
    for each in checked:
        if as_json:
            streams.out.write_bytes(to_json(each.as_json()) + b"\n")
        else:
            streams.out.write(each.as_text(paint_for(streams.out)))
    return ExitCode.USAGE if any(each.mistakes for each in checked) else ExitCode.SUCCESS


@app.command(
    cls=SectionedCommand,
    epilog=section(
        "Examples",
        (
            """steer policy explain support.toml --tool refund --args '{"amount": 500}'""",
            "steer policy explain support.toml --action approval --tool refund --principal ann",
            "steer policy explain --policy author-declared --tool bash --kind native",
        ),
    ),
)
def explain(
    files: options.SomePolicyFiles = None,
    *,
    policy: options.Policies = None,
    tool: options.Tool = None,
    args: options.Args = None,
    kind: options.Kind = None,
    effect: options.EffectOf = None,
    undeclared: options.Undeclared = False,
    needs_approval: options.NeedsApproval = False,
    server: options.Server = None,
    agent: options.Agent = None,
    model: options.Model = None,
    provider: options.Provider = None,
    run: options.Run = None,
    runtime: options.Runtime = None,
    data: options.Data = None,
    access: options.Access = None,
    action: options.Action = None,
    asked_by: options.AskedBy = None,
    approvers: options.Approvers = None,
    turns: options.Turns = None,
    tool_calls: options.ToolCalls = None,
    turn_tool_calls: options.TurnToolCalls = None,
    principal: Principal = None,
    scope: Scope = None,
    config: ConfigFile = None,
    every: options.EveryRule = False,
    as_json: AsJson = False,
) -> None:
    """Say what policy would decide, which rule decides it, and why the others do not apply."""
    settings = settings_from(principal=principal, scope=scope, config=config)
    question = asked(
        tool=tool,
        args=args,
        kind=kind,
        effect=effect,
        declared=False if undeclared else None,
        needs_approval=needs_approval or None,
        server=server,
        agent=agent,
        model=model,
        provider=provider,
        run=run,
        runtime=runtime,
        data=data,
        access=access,
        action=action,
        asked_by=asked_by,
        approvers=approvers or None,
        turns=turns,
        tool_calls=tool_calls,
        turn_tool_calls=turn_tool_calls,
        principal=settings.principal,
        scope=settings.scope,
    )
    stack, sources = selected(files or (), policy or (), settings)
    explanation = asyncio.run(explained(stack, question))
    streams = Streams.standard()
    if as_json:
        streams.out.write_bytes(to_json(explanation_json(explanation, sources)) + b"\n")
    else:
        paint = paint_for(streams.out)
        streams.out.write(explanation_text(explanation, sources, paint, every=every))


@app.command("test", epilog=section("Examples", ("steer policy test support.toml",)))
def try_policies(files: options.PolicyFiles, *, as_json: AsJson = False) -> int:
    """Put the cases of policy files to their rules, and explain each that fails.

    Cases are the [[tests]] of a file, and those of NAME.tests.toml beside NAME.toml. With --json,
    one case a line. Exit code 1 where a case fails, 2 where a file has none.
    """
    streams = Streams.standard()
    failed = False
    for file in files:
        text = read_policy_file(file)
        cases = [*text.cases(), *cases_beside(file)]
        if not cases:
            raise ConfigError(
                f"there are no cases for {file}",
                fix=f"Write [[tests]] into it, or into {file.with_suffix(CASES_SUFFIX).name}",
            )
        tried = asyncio.run(try_cases(PolicyStack([text.policy]), cases))
        failed = failed or any(each.failures for each in tried)
        sources = Sources(files={text.policy.ref: text})
        if as_json:
            for each in tried:
                streams.out.write_bytes(to_json(tried_json(each, sources)) + b"\n")
        else:
            streams.out.write(tried_text(file, tried, sources, paint_for(streams.out)))
    return ExitCode.FAILED if failed else ExitCode.SUCCESS


@app.command("list")
def list_policies(*, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the policies there are, and which of them hold. With --json, one a line."""
    streams = Streams.standard()
    policies = listed(settings_from(config=config))
    if as_json:
        streams.out.write_bytes(b"".join(to_json(each) + b"\n" for each in policies))
    else:
        streams.out.write(listing_text(policies, paint_for(streams.out)))


@app.command(epilog=section("Examples", ("steer policy schema > policy.schema.json",)))
def schema() -> None:
    """Print the JSON schema of policy files, for editors.

    With "#:schema ./policy.schema.json" in its first line, a file is checked and completed by
    editors that know taplo (Even Better TOML).
    """
    Streams.standard().out.write(schema_text())
