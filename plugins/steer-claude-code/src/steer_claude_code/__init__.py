"""Claude Code as a steer runtime.

Importing this package, or its ``plugin`` module, imports neither the SDK nor its dependencies.
"""
