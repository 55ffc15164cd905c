"""Chat templates and the conversations that they render."""
