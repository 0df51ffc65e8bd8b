from steer.agents import Agent, tool


@tool
def pay(to: str, amount: float) -> str:
    """Pay somebody."""
    return f"paid {amount:g} to {to}"


agent = Agent(name="Treasurer", model="gpt-5", runtime="openai-agents", tools=[pay])
