"""Benchmarks: each module has `rows(quick)`, which measures and yields figures beside their bars."""
