"""Questions that ask for the same thing, told by their words or by their meaning."""
