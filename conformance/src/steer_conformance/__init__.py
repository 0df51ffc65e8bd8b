"""Conformance suite and scripted provider for steer plugins"""
