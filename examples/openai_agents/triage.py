"""Agents that hand a conversation to each other, and back: python triage.py "My question" """

from __future__ import annotations

import sys
from pathlib import Path

from agents import Agent, Runner, function_tool, handoff
from agents.extensions.handoff_prompt import prompt_with_handoff_instructions

LEDGER = Path("refunds.txt")


@function_tool
def refund(order: int, amount: float) -> str:
    """Pay the price of an order back."""
    with LEDGER.open("a", encoding="utf-8") as ledger:
        ledger.write(f"order {order}: {amount:.2f}\n")
    return f"{amount:.2f} paid back"


@function_tool
def order_status(order: int) -> str:
    """Tell where an order is."""
    return f"Order {order} was delivered yesterday"


billing_agent = Agent(
    name="Billing",
    handoff_description="Pays money back",
    instructions=prompt_with_handoff_instructions(
        "Pay back what the customer asks for. Hand anything else back to the triage agent."
    ),
    model="gpt-5",
    tools=[refund],
)

shipping_agent = Agent(
    name="Shipping",
    handoff_description="Knows where orders are",
    instructions=prompt_with_handoff_instructions(
        "Say where an order is. Hand anything else back to the triage agent."
    ),
    model="gpt-5",
    tools=[order_status],
)

triage_agent = Agent(
    name="Triage",
    instructions=prompt_with_handoff_instructions("Find out who can help, and hand over to them."),
    model="gpt-5",
    handoffs=[shipping_agent, handoff(billing_agent, tool_name_override="to_billing")],
)

billing_agent.handoffs.append(triage_agent)
shipping_agent.handoffs.append(triage_agent)

if __name__ == "__main__":
    print(Runner.run_sync(triage_agent, sys.argv[1]).final_output)
