"""Secrets and personal data in text: found by their form, and masked."""
