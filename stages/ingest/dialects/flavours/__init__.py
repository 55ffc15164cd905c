"""How the pages of one site generator are read: a module each, all giving the same Markdown."""
