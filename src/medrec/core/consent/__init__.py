"""Decisions about access: pure functions from a request, a person's rules and a time to a verdict."""
