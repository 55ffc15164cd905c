"""How well the base model and the tuned one know the documentation."""
