"""One governed way to run any agent."""
