"""Where the ordered blocks come from: memory, SQLite, CometBFT."""
