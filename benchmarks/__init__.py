"""Measured claims: ``python -m benchmarks.<name>``."""
