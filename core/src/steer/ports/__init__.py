"""The ports: what a plugin implements and what it is given. Protocols and values, no logic."""
