"""What a person types beside `dvc`: one module for each `doclore` command, named like it."""
