"""Rows from one kind of file to another: JSONL, JSON array, Parquet, CSV."""
