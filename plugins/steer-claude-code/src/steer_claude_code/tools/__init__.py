"""Tool calls under the gate: those that the CLI executes, and the agent's own functions."""
