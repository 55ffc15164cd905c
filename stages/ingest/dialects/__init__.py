"""The dialects of Markdown that websites are written in (Docusaurus, MkDocs, GitHub), resolved to plain Markdown."""
