"""Measurements: `python -m tests.benchmarks`. They judge nothing."""
