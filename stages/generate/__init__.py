"""How pairs come out of chunks."""
