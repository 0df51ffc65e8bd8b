"""The OpenAI Agents SDK as a steer runtime.

Importing this package, or its ``plugin`` module, imports neither the SDK nor its HTTP client.
"""
