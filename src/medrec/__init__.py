"""MedRec: a patient-controlled, decentralised ledger for health records."""
