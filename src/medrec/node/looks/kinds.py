"""The kinds of lines that tell of looks: one list for the index, the person's log, the AuditEvents and the pages.

A kind that stands here has a face in each of these, or the tests fail; so does a new manifest about a request that
does not stand here.
"""

LOOKS = ("disclosure/1", "refusal/1", "disclosure-received/1", "own-look/1", "emergency/1")
"""Somebody got records, asked for them, or opened the way to them."""
LOG = (*LOOKS, "log-read/1")
"""With it, who read the list of these."""
