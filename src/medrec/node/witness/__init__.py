"""Witnesses: independent ones, those that are members, and asking them."""
