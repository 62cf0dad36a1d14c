"""One process per organisation, beside the system it already has."""
