"""What decides whether a pair is trained on."""
