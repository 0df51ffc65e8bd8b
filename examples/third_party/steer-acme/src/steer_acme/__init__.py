"""Acme Agents as a steer runtime."""
