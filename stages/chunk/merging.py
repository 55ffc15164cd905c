"""Pieces too small to mean much alone join a neighbour of their page."""

from collections.abc import Iterable
from itertools import chain, pairwise

from stages.chunk.pieces import BLOCK_BREAK, Limits, Piece, common, joined, path_line, shown_names


def merge_small(pieces: Iterable[Piece], limits: Limits) -> list[Piece]:
    """Pieces below the floor join the neighbour with which they share more headings, if both fit.

    Between equals it is the smaller one.
    """
    done: list[Piece] = []
    for piece, following in pairwise(chain(pieces, [None])):
        assert piece is not None
        if not (done and joins(done[-1], piece, following, limits) and join_last(done, piece, limits)):
            join_back(done, limits)
            done.append(piece)
    join_back(done, limits)
    return done


def join_last(done: list[Piece], piece: Piece, limits: Limits) -> bool:
    """Add the piece to the last one, if both fit."""
    both = joined(done[-1], piece, limits.count)
    if fits(both, limits):
        done[-1] = both
        return True
    return False


def join_back(done: list[Piece], limits: Limits) -> None:
    """A last piece that is still small, and has nothing behind it to join, joins the one before it."""
    if len(done) > 1 and done[-1].size < limits.floor:
        last = done.pop()
        if not join_last(done, last, limits):
            done.append(last)


def joins(before: Piece, piece: Piece, following: Piece | None, limits: Limits) -> bool:
    """Whether a piece belongs to the one before it: one of them is small, and nothing nearer comes next."""
    if before.size < limits.floor:
        return True
    if piece.size >= limits.floor:
        return False
    if following is None:
        return True
    shared, next_shared = len(common(before.end, piece.path)), len(common(piece.path, following.path))
    nearer = next_shared > shared or (next_shared == shared and following.size < before.size)
    return not (nearer and fits(joined(piece, following, limits.count), limits))


def fits(piece: Piece, limits: Limits) -> bool:
    names = shown_names(piece.path, limits)
    return limits.count(path_line(names) + BLOCK_BREAK) + piece.size < limits.room
