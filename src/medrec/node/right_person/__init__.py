"""Which local patient is whose account: the desk, matching, links and their end."""
