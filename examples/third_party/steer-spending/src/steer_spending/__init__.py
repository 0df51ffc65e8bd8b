"""A policy on what agents spend."""
