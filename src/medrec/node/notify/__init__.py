"""Telling people: requests for their consent that come by a code, and notices on the channels they chose."""
