"""Formatted rows to a LoRA adapter: backends, the trainer, checkpoints, what is shown on the way."""
