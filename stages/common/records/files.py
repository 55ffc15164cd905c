"""How rows reach the disk, whole or not at all (JSONL in UTF-8 with LF, in one order), and digests that name them."""

import functools
import hashlib
import heapq
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from json.encoder import encode_basestring
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, NamedTuple

from stages.common.base import paths
from stages.common.base.errors import UserError

PLAIN = json.JSONEncoder(ensure_ascii=False)
AT = "at"  # the field of a row in a part that says where it stands among all
PART = re.compile(r"\.?part-[0-9a-f]{2}\.jsonl(?:\.\d+)?")
TEMPORARY = re.compile(r"\.(.+)\.(\d{1,10})")
CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest(*parts: Any, length: int = 16) -> str:
    """The first `length` hex digits of the SHA-256 of the parts' canonical JSON."""
    try:
        text = f"[{','.join(map(encode_basestring, parts))}]"  # most are texts alone: no encoder need be made
    except TypeError:
        text = CANONICAL.encode(parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def share(*parts: Any) -> float:
    """A number in [0, 1) that depends on the parts alone: a choice that is stable between runs and machines."""
    return int(digest(*parts), 16) / 16**16


def file_sha256(file: Path) -> str:
    """SHA-256 of a file's bytes, hex; of a directory of parts that of its listing."""
    if file.is_dir():
        return digest([[part.name, file_sha256(part)] for part in parts(file)], length=64)
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def beside(file: Path) -> Path:
    """A temporary sibling of this process. Those that a process left which was killed are removed."""
    for abandoned in left_over(file.parent.absolute()).pop(file.name, ()):
        shutil.rmtree(abandoned, ignore_errors=True) if abandoned.is_dir() else abandoned.unlink(missing_ok=True)
    return file.with_name(f".{file.name}.{os.getpid()}")


@functools.cache
def left_over(directory: Path) -> dict[str, list[Path]]:
    """Temporary siblings of processes that are gone, by the file or directory that they were to become; those of
    siblings, as `write_rows` has them while it writes, by the first of all."""
    found: dict[str, list[Path]] = {}
    for entry in directory.iterdir() if directory.is_dir() else ():
        name, process = entry.name, 0
        while named := TEMPORARY.fullmatch(name):
            name, process = named[1], int(named[2])
        if process and not is_running(process):
            found.setdefault(name, []).append(entry)
    return found


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True


@contextmanager
def atomic(file: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Open a temporary sibling for writing and rename it to `file` when the block ends well."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = beside(file)
    text = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    try:
        with temporary.open(mode, **text) as stream:  # type: ignore[call-overload]
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        put(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)


def write_jsonl(file: Path, rows: Iterable[Any]) -> None:
    """One row a line; without rows a blank line, as DVC warns of files of no bytes."""
    with atomic(file) as stream:
        for row in rows:
            stream.write(PLAIN.encode(row) + "\n")
        if not stream.tell():
            stream.write("\n")


def write_report(stage: str, figures: dict[str, Any], headline: dict[str, str]) -> None:
    """reports/STAGE.json, and in reports/headline/STAGE.json the few figures that experiments are compared by: their
    names, and where they stand in the report, as in `exam.tuned_closed.key_values`; what it lacks is left out."""
    write_json(paths.REPORTS / f"{stage}.json", figures)
    values: dict[str, Any] = dict.fromkeys(headline, figures)
    for name, place in headline.items():
        for part in place.split("."):
            values[name] = values[name].get(part) if isinstance(values[name], dict) else None
    told = {name: value for name, value in values.items() if value is not None}
    write_json(paths.REPORTS / "headline" / f"{stage}.json", told)


def require(file: Path) -> Path:
    """The file or directory. Raises UserError when no stage has written it yet."""
    if not file.exists():
        raise UserError(f"{file} is missing; run `dvc repro` to create it")
    return file


def write_rows(file: Path, rows: Iterable[Any], at: Callable[[Any], str], most: float) -> None:
    """Like `write_jsonl`, but more than `most` rows become a directory of that name, with part-XX.jsonl by a hash of
    what `at` says of a row. Rows that have it in common stay together, so that what changes some of them rewrites one
    part. It stands in the rows as "at"; readers get the rows sorted by it, so they should come in that order."""
    counts = [0]
    whole, directory = beside(file), beside(file.with_name(f"{file.name}.parts"))
    beside(file.with_name(f"{file.name}.former"))

    def counted() -> Iterator[Any]:
        for row in rows:
            counts[0] += 1
            yield row

    try:
        write_jsonl(whole, counted())
        if counts[0] > most:
            write_parts(directory, read_jsonl(whole), at)
        put(directory if counts[0] > most else whole, file)
    finally:
        whole.unlink(missing_ok=True)
        shutil.rmtree(directory, ignore_errors=True)


def write_parts(directory: Path, rows: Iterable[Any], at: Callable[[Any], str]) -> None:
    directory.mkdir(parents=True)
    with ExitStack() as stack:
        streams: dict[str, IO[Any]] = {}
        for row in rows:
            key = at(row)
            name = digest(key, length=2)
            if name not in streams:
                streams[name] = stack.enter_context(atomic(directory / f"part-{name}.jsonl"))
            streams[name].write(PLAIN.encode({**row, AT: key}) + "\n")


def put(new: Path, file: Path) -> None:
    """Rename to `file`, in place of a file or of a directory of parts that stands there."""
    if file.is_dir():
        if any(not PART.fullmatch(entry.name) for entry in file.iterdir()):
            raise UserError(f"{file} is a directory with other files than doclore's; move it away")
        former = beside(file.with_name(f"{file.name}.former"))
        file.rename(former)
        new.rename(file)
        shutil.rmtree(former)
    elif new.is_dir():
        file.unlink(missing_ok=True)
        new.rename(file)
    else:
        new.replace(file)


def parts(file: Path) -> list[Path]:
    """The files that hold the rows: the file, or what is in the directory of that name."""
    return sorted(file.glob("part-*.jsonl")) if file.is_dir() else [file]


class Line(NamedTuple):
    """A row as it stands in a file: that file, where it begins there in bytes, and its text."""

    file: Path
    offset: int
    text: bytes

    def row(self) -> Any:
        """Raises UserError that names the file when it is none."""
        row = parsed(self.text, f"a line of {self.file}")
        row.pop(AT, None)
        return row


def lines(file: Path) -> Iterator[Line]:
    """The lines of rows in a file, or in its parts one after another. Raises UserError when it is not there."""
    for part in parts(require(file)):
        offset = 0
        with part.open("rb") as stream:
            for text in stream:
                if text != b"\n":  # there are no rows
                    yield Line(part, offset, text)
                offset += len(text)


def line_at(file: Path, offset: int) -> Line:
    with file.open("rb") as stream:
        stream.seek(offset)
        return Line(file, offset, stream.readline())


def read_jsonl(file: Path) -> Iterator[Any]:
    """The rows of a JSONL file, one at a time; those of a directory of parts sorted by "at". Raises UserError that
    names file and line."""
    if not require(file).is_dir():
        yield from rows_of(file)
        return
    for row in heapq.merge(*map(rows_of, parts(file)), key=itemgetter(AT)):
        del row[AT]
        yield row


def rows_of(file: Path) -> Iterator[Any]:
    with file.open("rb") as stream:  # so that a line that is not UTF-8 has its number, too
        for number, line in enumerate(stream, 1):
            if line == b"\n":  # there are no rows
                continue
            yield parsed(line, f"{file}:{number}")


def parsed(line: bytes, place: str) -> Any:
    """The row of a line. Raises UserError that names its place."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{place} is not JSON ({error}); run `dvc repro --force` to create it again") from None


def write_json(file: Path, value: Any) -> None:
    with atomic(file) as stream:
        stream.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def read_json(file: Path) -> Any:
    """A JSON file's value. Raises UserError when it is not there or damaged."""
    require(file)
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{file} is not JSON ({error}); delete it and run `dvc repro` to create it again") from None
