"""Objects out of JSON files that people bring along: one a line, or in an array. What cannot be read is told with its
line, and the rest is read all the same."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple, NoReturn

BLOCK = 1 << 20  # characters read at once from an array
EXCERPT = 200  # characters of a bad row that are shown
SINGLE_OBJECT = 64 << 20  # bytes; a file that is one object over many lines is read whole


class FileRow(NamedTuple):
    """An object and the lines of its file that it stands on, 1-based and inclusive."""

    first: int
    last: int
    value: dict[str, Any]


class Fault(NamedTuple):
    """Something that is no row: where it starts, what is wrong, how it begins."""

    line: int
    problem: str
    text: str


def read_json_rows(file: Path, watch: Callable[[int], object] | None = None) -> Iterator[FileRow | Fault]:
    """The rows of a .json or .jsonl file in UTF-8, with or without a byte order mark, one at a time.

    An array in a .jsonl and lines in a .json are read as well. Blank lines count but are no rows. `watch` is told
    the bytes read so far.
    """
    # Bytes that are not UTF-8 become lone surrogates, so that only the rows that hold them are lost.
    with file.open(encoding="utf-8-sig", errors="surrogateescape") as stream:
        start = stream.read(2).lstrip()
        blank = stream.seek(0)
        if start[:1] in ("\udcff", "\udcfe"):
            yield Fault(1, "the file is UTF-16; save it as UTF-8", "")
            return
        while not start and (piece := stream.read(BLOCK)):
            start = piece.lstrip()[:1]
        stream.seek(blank)
        for item in array_rows(stream) if start.startswith("[") else line_rows(stream, file):
            if watch:
                watch(stream.buffer.tell())  # type: ignore[attr-defined]
            yield item


def line_rows(stream: IO[str], file: Path) -> Iterator[FileRow | Fault]:
    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        item = decoded(line.strip(), number)
        if isinstance(item, Fault) and number == 1 and (whole := single_object(file)):
            yield whole
            return
        yield item


def decoded(text: str, line: int) -> FileRow | Fault:
    """One line's object."""
    try:
        value = DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        return Fault(line, not_json(error), text[:EXCERPT])
    return checked(value, text, line, line)


def single_object(file: Path) -> FileRow | None:
    """The row of a file that is one object written over several lines."""
    if file.stat().st_size > SINGLE_OBJECT:
        return None
    text = file.read_text(encoding="utf-8-sig", errors="surrogateescape").strip()
    item = decoded(text, 1)
    return FileRow(1, text.count("\n") + 1, item.value) if isinstance(item, FileRow) else None


def checked(value: Any, text: str, first: int, last: int) -> FileRow | Fault:
    """The value as a row, when it is an object whose text can be written as UTF-8."""
    if not isinstance(value, dict):
        return Fault(first, f"a row is an object {{...}}, not {type(value).__name__}", text[:EXCERPT])
    try:
        text.encode()
        if "\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        code = ord(error.object[error.start])
        problem = f"half a character (\\u{code:04x}), which UTF-8 cannot hold"
        if 0xDC80 <= code <= 0xDCFF:
            problem = f"byte 0x{code - 0xDC00:02X} is not UTF-8; if it is GBK: `iconv -f GBK -t UTF-8`"
        return Fault(first, problem, text[:EXCERPT].encode("utf-8", "replace").decode())
    return FileRow(first, last, value)


def not_json(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} (column {error.colno})"
    return f"not JSON: {'nested too deep' if isinstance(error, RecursionError) else error}"


def refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


DECODER = json.JSONDecoder(parse_constant=refuse_constant)


class Window:
    """The stretch of a stream that is looked at. It grows at its end, is cut at its beginning and counts lines."""

    def __init__(self, stream: IO[str]) -> None:
        self.stream, self.text, self.at, self.line, self.ended = stream, "", 0, 1, False

    def more(self) -> bool:
        """Read on, at least doubling what is in sight, so that a long element is not decoded too often."""
        self.text, self.at = self.text[self.at :], 0
        piece = self.stream.read(max(BLOCK, len(self.text)))
        self.text += piece
        self.ended = not piece
        return bool(piece)

    def advance(self, to: int) -> None:
        self.line += self.text.count("\n", self.at, to)
        self.at = to

    def skip(self, characters: str) -> str:
        """Pass over these characters; the one behind them, or nothing at the end."""
        while True:
            end = self.at
            while end < len(self.text) and self.text[end] in characters:
                end += 1
            self.advance(end)
            if end < len(self.text) or not self.more():
                return self.text[end : end + 1] if end < len(self.text) else ""

    def decode(self) -> tuple[Any, str, int]:
        """The value that begins here, its text and its first line. Raises ValueError or RecursionError."""
        while True:
            try:
                value, end = DECODER.raw_decode(self.text, self.at)
            except json.JSONDecodeError as error:
                cut_off = error.msg.startswith("Unterminated") or error.pos >= len(self.text) - len("\\uffff\\uffff")
                if self.ended or not cut_off:
                    raise
                self.more()
                continue
            if end == len(self.text) and not self.ended and self.more():
                continue  # 12 may be the beginning of 123
            text, line = self.text[self.at : end], self.line
            self.advance(end)
            return value, text, line

    def resume(self, mark: re.Pattern[str]) -> bool:
        """Go to where `mark` matches next, when it does."""
        origin = self.at + 1
        while not (match := mark.search(self.text, origin)):
            at = self.at
            if not self.more():
                return False
            origin -= at
        self.advance(match.end() - 1)
        return True


def array_rows(stream: IO[str]) -> Iterator[FileRow | Fault]:
    """The elements of an array. Behind a broken one, reading goes on at the next line that begins like its line."""
    window = Window(stream)
    window.skip(" \t\r\n")
    window.advance(window.at + 1)
    indent = ""
    while (character := window.skip(" \t\r\n,")) not in ("]", ""):
        before = window.text[max(0, window.at - 64) : window.at].rpartition("\n")
        indent = before[2] if before[1] and not before[2].strip() else indent
        try:
            value, text, first = window.decode()
            yield checked(value, text, first, window.line)
        except (ValueError, RecursionError) as error:
            yield element_fault(window, error)
            if not window.resume(re.compile(rf"\n{indent}\{{")):
                yield Fault(window.line, "the rest of the array is not read", "")
                return
    if not character:
        yield Fault(window.line, "not JSON: the array does not end with ]", "")


def element_fault(window: Window, error: Exception) -> Fault:
    excerpt = window.text[window.at : window.at + EXCERPT].encode("utf-8", "replace").decode()
    if isinstance(error, json.JSONDecodeError):
        line = window.line + window.text.count("\n", window.at, error.pos)
        return Fault(line, not_json(error), excerpt)
    return Fault(window.line, not_json(error), excerpt)
