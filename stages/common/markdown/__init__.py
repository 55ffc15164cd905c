"""Markdown and its dialects: read as blocks, cleaned of MDX, cut at the places where a reader would."""
