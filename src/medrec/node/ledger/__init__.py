"""The ledger from this node: what is anchored, signed, proven to strangers, and decided by members."""
