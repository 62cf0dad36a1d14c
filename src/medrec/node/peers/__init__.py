"""Other nodes: who they are, how they are called, and how they prove who calls."""
