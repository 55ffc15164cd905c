"""The `doclore` command as it is installed: a launcher, and the files that a new project begins with."""
