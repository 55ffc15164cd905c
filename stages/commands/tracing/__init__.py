"""From a row back to where it comes from, and from a page to the rows that it feeds."""
