"""Where pages come from: finding files, reading them whatever their encoding, converting what is not Markdown."""
