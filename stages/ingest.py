"""Documentation directory in, one row per page out.

Reads `docs.path`; writes data/docs.jsonl and reports/ingest.json. Run: python -m stages.ingest
"""

import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pathspec import GitIgnoreSpec
from tqdm import tqdm

from stages.shared import params, paths
from stages.shared.errors import ParamsError, run_stage
from stages.shared.lineage import Origin, to_spans
from stages.shared.markdown import mdx
from stages.shared.markdown.blocks import blocks, fence_lines, heading_text
from stages.shared.records import Doc, digest, write_json, write_jsonl


def pages(root: Path, include: list[str], exclude: list[str], counts: Counter[str]) -> Iterator[str]:
    """Paths below `root` (POSIX form, sorted per directory) that `include` matches and `exclude` does not.

    A linked directory is not entered, which could go round in circles, but counted.
    """
    try:
        wanted, unwanted = GitIgnoreSpec.from_lines(include), GitIgnoreSpec.from_lines(exclude)
    except ValueError as error:
        raise ParamsError(
            f"params.yaml: docs.include, docs.exclude: accepted are globs as in .gitignore ({error})"
        ) from None
    for directory, folders, files in os.walk(root):
        below = Path(directory).relative_to(root)
        folders[:] = sorted(f for f in folders if not unwanted.match_file(f"{(below / f).as_posix()}/"))
        counts["skipped_linked_directory"] += sum((root / below / folder).is_symlink() for folder in folders)
        for name in sorted(files):
            path = (below / name).as_posix()
            if wanted.match_file(path) and not unwanted.match_file(path):
                yield path


def read_text(file: Path, root: Path) -> tuple[str, str]:
    """The file's text with LF line ends and, when it cannot be read, the reason why not."""
    try:
        str(file).encode()
        if not file.resolve().is_relative_to(root.resolve()):
            return "", "link_leaves_docs"
        text = file.read_bytes().decode("utf-8-sig")
    except (OSError, RuntimeError):  # a link to itself is a RuntimeError before Python 3.13
        return "", "unreadable"
    except UnicodeDecodeError:
        return "", "not_utf8"
    except UnicodeEncodeError:
        return "", "name_not_utf8"
    return text.replace("\r\n", "\n").replace("\r", "\n"), ""


def import_target(module: str, file: Path, root: Path) -> Path:
    """The file that an import names: relative to the page, or from the site's root (`@site/…`, `/docs/…`)."""
    if module.startswith(("@site/", "/")):
        return (root / module.removeprefix("@site").lstrip("/")).resolve()
    return (file.parent / module).resolve()


def inline(
    text: str, file: Path, root: Path, counts: Counter[str], above: tuple[Path, ...]
) -> tuple[list[str], list[Origin]]:
    """Markdown lines of a page with its imported partials in place of their components, recursively, and their origins.

    A cycle or a partial that cannot be read leaves an empty line and is counted as unresolved.
    """
    text, sources = mdx.markdown(text)
    path = file.resolve().relative_to(root.resolve()).as_posix()
    code = fence_lines(text) if sources else set()
    lines: list[str] = []
    origins: list[Origin] = []
    for number, line in enumerate(text.split("\n"), 1):
        component = "" if number - 1 in code else mdx.component(line)
        if component not in sources:
            lines.append(line)
            origins.append(Origin(path, number, number))
            continue
        target = import_target(sources[component], file, root)
        body, problem = ("", "cycle") if target in above else read_text(target, root)
        if problem:
            counts["partials_unresolved"] += 1
            lines.append("")
            origins.append(Origin(path, number, number))
            continue
        counts["partials_inlined"] += 1
        inlined, below = inline(body.rstrip("\n"), target, root, counts, (*above, target))
        lines += inlined
        origins += [Origin(origin.path, origin.line, number) for origin in below]
    return lines, origins


def title_of(text: str, path: str) -> str:
    """The first top-level heading, else the file's name (the directory's for index files)."""
    first = next((block for block in blocks(text) if block.level == 1), None)
    if first and heading_text(first):
        return heading_text(first)
    stem = Path(path).stem
    return Path(path).parent.name if stem in ("index", "README") and "/" in path else stem


def as_tags(value: object) -> list[str]:
    """Front matter gives tags as a list or as one word."""
    return [str(tag) for tag in value] if isinstance(value, list) else [str(value)] if value else []


def revision(root: Path) -> str:
    """The Git commit of the checkout that holds the docs; empty when there is none."""
    command = ["git", "-C", str(root), "rev-list", "-1", "HEAD", "--", "."]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def to_doc(text: str, path: str, root: Path, rev: str, counts: Counter[str]) -> Doc:
    front = mdx.front_matter(text)
    lines, origins = inline(text, root / path, root, counts, ((root / path).resolve(),))
    body, own = "\n".join(lines), (root / path).resolve().relative_to(root.resolve()).as_posix()
    spans = to_spans(path, (origin._replace(path=path) if origin.path == own else origin for origin in origins))
    return {
        "path": path,
        "title": str(front.get("title") or title_of(body, path)),
        "description": str(front.get("description") or ""),
        "tags": as_tags(front.get("tags")),
        "text": body,
        "sha256": digest(body, length=64),
        "also_in": [],
        "partials": sorted({span["path"] for span in spans} - {path}),
        "spans": spans,
        "rev": rev,
    }


def ingest(section: params.Docs, counts: Counter[str]) -> Iterator[Doc]:
    """The pages as rows; everything that makes no row is counted."""
    root = section.directory()
    rev = revision(root)
    for path in tqdm(list(pages(root, section.include, section.exclude, counts)), desc="ingest", unit="file"):
        counts["files"] += 1
        text, problem = read_text(root / path, root)
        if Path(path).name.startswith("_"):
            problem = problem or "partial"  # part of the pages that import it, no page of its own
        elif not problem and not text.strip():
            problem = "empty"
        if problem:
            counts[f"skipped_{problem}"] += 1
            continue
        counts["pages"] += 1
        yield to_doc(text, path, root, rev, counts)


def main() -> None:
    section = params.load().docs
    counts = Counter({"files": 0, "pages": 0, "partials_inlined": 0, "partials_unresolved": 0})
    docs = list(ingest(section, counts))
    if not docs:
        raise ParamsError(
            f"params.yaml: docs.path = {section.path!r}: no page matches docs.include = {section.include}"
        )
    write_jsonl(paths.DOCS, docs)
    write_json(paths.REPORTS / "ingest.json", dict(sorted(counts.items())))
    print("ingest:", ", ".join(f"{count} {name}" for name, count in counts.items() if count))


if __name__ == "__main__":
    run_stage("ingest", main)
