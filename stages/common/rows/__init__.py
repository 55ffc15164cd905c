"""Dataset rows: what they rest on, and rows of the user's own."""
