"""Where in a chunk a quote stands, to mark it for people."""

import unicodedata

ALIKE = 80.0  # percent; a quote that is less like its place is not marked


def evidence_span(text: str, quote: str) -> tuple[int, int] | None:
    """First and behind-last character of the quote in the text: exact, else white space and character width aside,
    else where it is most alike (rapidfuzz). None when nothing is like it."""
    if not quote.strip():
        return None
    at = text.find(quote)
    if at >= 0:
        return at, at + len(quote)
    characters, places = squeezed_with_places(text)
    wanted, _ = squeezed_with_places(quote)
    at = characters.find(wanted)
    length = len(wanted)
    if at < 0:
        from rapidfuzz import fuzz

        near = fuzz.partial_ratio_alignment(wanted, characters, score_cutoff=ALIKE)
        if near is None or len(wanted) > len(characters):
            return None
        at, length = near.dest_start, near.dest_end - near.dest_start
    return places[at], places[at + length - 1] + 1


def squeezed_with_places(text: str) -> tuple[str, list[int]]:
    """The text in NFKC without white space, and for each of its characters where it stands in the text."""
    characters = [(piece, place) for place, character in enumerate(text)
             for piece in unicodedata.normalize("NFKC", character) if not piece.isspace()]  # fmt: skip
    return "".join(piece for piece, _ in characters), [place for _, place in characters]
