"""A project of one's own, out of the files that the wheel carries."""
