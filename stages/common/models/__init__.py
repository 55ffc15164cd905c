"""Base models: where they come from, how they load, what quantised ones are merged into, how much memory they take."""
