"""doclore's stages, a package each: ingest (with its step sources) chunk generate curate format train merge evaluate
report. What several need is in common, the `doclore` command in commands."""
