"""The pure heart of MedRec: no input or output, no clock, no randomness, no logging."""
