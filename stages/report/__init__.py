"""reports/index.html: what the whole pipeline did, on one page."""
