"""The user's own exam, and how alike two texts are in meaning: what curate keeps out of training, evaluate asks."""
