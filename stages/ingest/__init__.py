"""Documentation directory to one row per page."""
