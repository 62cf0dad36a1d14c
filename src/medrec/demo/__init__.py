"""The demonstration: sample people and the main story."""
