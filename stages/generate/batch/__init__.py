"""Requests as files for batch services, and their results."""
