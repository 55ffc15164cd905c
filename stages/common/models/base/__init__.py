"""The base model: where it comes from, how it is loaded, what its weights take."""
