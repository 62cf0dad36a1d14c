"""The agent of a person: what it is told, what it brings to places, what she shows by it."""
