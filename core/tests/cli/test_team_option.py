"""On whose account a run is."""

from __future__ import annotations

from programs import Program


def test_a_run_draws_on_the_budget_of_the_team_that_it_names(steer: Program) -> None:
    of = ("--per", "day", "--of", "team:research")
    assert steer("budgets", "set", "lab", "--limit", "0requests", *of).code == 0
    refused = steer("run", "greeter.py", "Hi", "--team", "research")
    assert (refused.code, "budget lab has no room left" in refused.error) == (4, True)
    assert steer("run", "greeter.py", "Hi", "--team", "sales").code == 0
