"""doclore's eight stages, one module each: ingest chunk generate curate format train merge evaluate."""
