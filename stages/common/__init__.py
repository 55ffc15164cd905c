"""What several stages need, one subject a room."""
