"""Pages cut into chunks: whole blocks packed under their headings, split where a reader would where they must be."""
