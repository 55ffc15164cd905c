"""The user's own exam, kept out of training by curate and asked by evaluate; the search for what answers a question."""
