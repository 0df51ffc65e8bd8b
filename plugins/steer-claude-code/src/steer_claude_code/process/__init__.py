"""Processes of the CLI: what they are started with, who watches them, and how they end."""
