"""Adapter and base to a complete model, and the audit that it is still the same model."""
