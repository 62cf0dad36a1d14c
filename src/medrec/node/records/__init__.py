"""Records of this organisation: read from their source, signed, delivered."""
