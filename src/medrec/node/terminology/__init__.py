"""Codes and names of medicine: the small table that ships, and the tables that a site loads into one indexed file."""
