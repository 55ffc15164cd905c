"""A first look at a documentation, without DVC, a model or a network."""
