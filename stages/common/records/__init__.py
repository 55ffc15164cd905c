"""The rows between the stages: how they are hashed and written, where their lines come from, what is masked in them."""
