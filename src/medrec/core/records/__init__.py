"""What each kind of FHIR record means: canonical form first, then codes, dates and summaries."""
