"""Facts out of a document's structure, and questions about them: no model needed."""
