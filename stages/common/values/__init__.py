"""What a text states exactly: its numbers with their units, its code identifiers and its links."""
