"""Everything that leaves: the gate, its doors, the recipient's half, and emergencies."""
