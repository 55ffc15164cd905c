"""Asking an OpenAI-compatible endpoint, and keeping every answer."""
