"""Sentences, languages, tokens, and when two texts say the same."""
