"""The rows between the stages, how they are hashed and written, and where their lines come from."""
