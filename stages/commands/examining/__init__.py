"""What `doclore doctor` looks at."""
