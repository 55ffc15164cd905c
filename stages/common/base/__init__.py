"""Errors, paths, params.yaml and timings. Never a dependency in dvc.yaml: they cannot change an output."""
