"""Consents: given, taken back, drafted, attested at the desk."""
