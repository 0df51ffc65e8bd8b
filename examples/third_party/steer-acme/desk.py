from steer.agents import tool
from steer_acme.agent import AcmeAgent


@tool(effect="none")
def where_is(order: str) -> str:
    """Tell where an order is."""
    return f"order {order} left the warehouse this morning"


agent = AcmeAgent(name="Desk", persona="support-desk", tools=[where_is])
