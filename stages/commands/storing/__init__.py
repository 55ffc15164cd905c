"""Keeping the response store in order."""
