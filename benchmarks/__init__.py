"""Measurements that back the project's claims: ``python -m benchmarks --help``."""
