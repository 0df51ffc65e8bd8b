"""Policies: checked, explained, tried, listed."""
