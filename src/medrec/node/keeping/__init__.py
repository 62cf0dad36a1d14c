"""What the node keeps: its store, its journal, its secrets, its files; and how it forgets."""
