"""The FHIR R4 interface of a node: the same gate, in the form that other software speaks."""
