"""The models of a run: the base, and the tuned one."""
