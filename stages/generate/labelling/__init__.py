"""What a language model is asked about a chunk, and the pairs in its answers."""
