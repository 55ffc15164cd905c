"""Training kernels for processors: what a short row costs there."""
