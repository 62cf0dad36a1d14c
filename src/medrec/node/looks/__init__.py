"""Looks at records: who looked, one-sided tellings, disputes, and the privacy officer's queue."""
