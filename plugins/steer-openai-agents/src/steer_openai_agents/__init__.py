"""The OpenAI Agents SDK as a steer runtime"""
