"""The local page on which people judge pairs."""
