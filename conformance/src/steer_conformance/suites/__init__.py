"""The suites, one package for each port; each has ``SUITE``."""
