"""Budgets, and what was used."""
