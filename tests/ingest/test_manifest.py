"""The manifest: ingest depends on exactly the bytes it reads, whatever else lies in the directory."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from stages.common.base import paths
from stages.common.base.errors import ParamsError, UserError
from stages.common.base.git import git
from stages.common.records.files import read_jsonl
from stages.ingest import __main__ as ingest
from stages.ingest.sources import manifest
from stages.ingest.sources.report import Report
from support.clone import Clone
from support.settings import change_params, docs_section

PAGE = "# Boiler\n\nThe boiler holds {} litres.\n"


def write(files: dict[str, str], root: str = "docs") -> None:
    for name, text in files.items():
        file = Path(root, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def rows(path: str = "docs", **changes: object) -> dict[str, manifest.Source]:
    manifest.write(docs_section(path=path, **changes))
    return {row["path"]: row for row in manifest.read()}


def roles(path: str = "docs") -> dict[str, str]:
    return {name: row["role"] for name, row in rows(path).items()}


def docs(path: str = "docs") -> dict[str, dict]:
    section = docs_section(path=path)
    manifest.write(section)
    ingest.write_docs(section, Report())
    return {row["path"]: row for row in read_jsonl(paths.DOCS)}


def test_pages_what_they_name_and_the_sites_configuration_are_sources_and_nothing_else_is():
    write({
        "src/a.md": "# A\n\nSee [x](x.md), ![i](i.png) and `other.py`.\n\n```\n{{#include ../code/one.py}}\n```\n",
        "src/x.MD": "# X\n\nThe text of x.\n",
        "src/i.png": "", "src/other.py": "", "src/unnamed.txt": "", "code/one.py": "1\n", "code/two.py": "2\n",
        "book.toml": "[book]\n",
        "node_modules/m/README.md": "# M\n",
    }, "site")  # fmt: skip
    assert roles("site/src") == {
        "a.md": "page", "x.MD": "page", "other.py": "include", "../code/one.py": "include", "../book.toml": "site"
    }  # fmt: skip


def test_an_include_names_other_includes():
    write({"a.md": "--8<-- 'parts/one.txt'\n", "parts/one.txt": "--8<-- 'two.txt'\n", "parts/two.txt": "Text.\n"})
    assert set(rows()) == {"a.md", "parts/one.txt", "parts/two.txt"}


def test_a_hash_changes_with_the_bytes_and_with_nothing_else():
    write({"a.md": PAGE.format(9)})
    before = rows()["a.md"]["sha256"]
    os.utime("docs/a.md", (1, 1))
    assert rows()["a.md"]["sha256"] == before
    stamp = Path("docs/a.md").stat()
    write({"a.md": PAGE.format(8)})  # as long as before, and soon the same time
    os.utime("docs/a.md", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    Path("docs/a.md").touch()
    assert rows()["a.md"]["sha256"] != before


def test_a_file_that_has_just_changed_is_hashed_again_though_its_time_is_the_same():
    write({"a.md": PAGE.format(9)})
    before = rows()["a.md"]["sha256"]
    stamp = Path("docs/a.md").stat()
    with Path("docs/a.md").open("r+", encoding="utf-8") as file:
        file.write(PAGE.format(8))
    os.utime("docs/a.md", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert rows()["a.md"]["sha256"] != before


def test_old_files_are_not_read_again(monkeypatch):
    write({"a.md": PAGE.format(9)})
    os.utime("docs/a.md", (1, 1))
    before = rows()
    monkeypatch.setattr(manifest, "file_sha256", lambda file: pytest.fail("read again"))
    assert rows() == before


@pytest.mark.parametrize("damage", ["{", "[]", '{"version": "x"}', ""])
def test_a_damaged_cache_of_hashes_costs_nothing_but_time(damage):
    write({"a.md": PAGE.format(9)})
    before = rows()
    Path(".cache/sources.json").write_text(damage, encoding="utf-8")
    assert rows() == before


def test_links_pipes_and_names_that_are_no_text_are_rows_with_a_problem():
    write({"a.md": PAGE.format(9)})
    Path("docs/gone.md").symlink_to("nowhere.md")
    os.mkfifo("docs/pipe.md")
    Path(b"docs/\xff.md".decode("utf-8", "surrogateescape")).write_text("text", encoding="utf-8")
    problems = {name: row["problem"] for name, row in rows().items()}
    assert problems == {"a.md": "", "gone.md": "unreadable", "pipe.md": "not_a_file", "\\udcff.md": "name_not_utf8"}


@pytest.mark.parametrize("name", ["build", "dist", "_build", "site"])
def test_a_directory_of_output_is_left_out_with_its_count_and_one_of_pages_is_read(name):
    write({f"{name}/index.md": PAGE.format(9), f"{name}/deep/x.md": PAGE.format(8)})
    assert set(rows()) == {f"{name}/index.md", f"{name}/deep/x.md"}
    write({f"{name}/index.html": "<p>"})
    assert [(row["path"], row["role"], row["pages"]) for row in rows().values()] == [(f"{name}/", "directory", 2)]


def test_an_excluded_directory_is_reported_with_its_pages():
    write({"a.md": PAGE.format(9), "old/b.md": PAGE.format(8), "old/c/d.mdx": PAGE.format(7), "empty/e.txt": ""})
    section = docs_section(path="docs", exclude=["old/", "empty/"])
    manifest.write(section)
    report = Report()
    ingest.write_docs(section, report)
    assert report.as_json()["excluded_directories"] == {"old/": 2}


def test_a_file_that_changes_while_ingest_runs_stops_it():
    write({"a.md": PAGE.format(9)})
    rows()
    write({"a.md": PAGE.format(8)})
    with pytest.raises(UserError, match="changed while ingest was running"):
        ingest.write_docs(docs_section(path="docs"), Report())


def test_what_is_read_without_being_named_is_a_source_the_next_time(monkeypatch):
    write({"a.md": '--8<-- "_p.xyz"\n\nText.\n', "_p.xyz": "Words of the part.\n"})
    monkeypatch.setattr(manifest.references, "names", lambda text: [])
    assert set(rows()) == {"a.md"}
    report = Report()
    ingest.write_docs(docs_section(path="docs"), report)
    assert report.read_besides == ["_p.xyz"]
    for _ in range(2):  # and the time after that
        write({"ingest.json": json.dumps(report.as_json())}, "reports")
        assert set(rows()) == {"a.md", "_p.xyz"}
        report = Report()
        ingest.write_docs(docs_section(path="docs"), report)
        assert report.read_besides == ["_p.xyz"]


def test_without_the_documentation_the_manifest_stays_and_without_both_the_key_is_named():
    write({"a.md": PAGE.format(9)})
    before = rows()
    shutil.rmtree("docs")
    assert rows() == before
    paths.SOURCES.unlink()
    with pytest.raises(ParamsError, match=r"docs\.path"):
        rows()


def test_a_relative_path_counts_from_the_repository_where_an_experiment_has_no_copy(tmp_path, monkeypatch):
    write({"a.md": PAGE.format(9)}, "elsewhere")
    (tmp_path / "repository").mkdir()
    (tmp_path / "copy" / "deep").mkdir(parents=True)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "repository"))
    monkeypatch.chdir(tmp_path / "copy" / "deep")
    assert set(rows("../elsewhere")) == {"a.md"}
    Path("../elsewhere").mkdir()  # a submodule that is not checked out is an empty directory
    assert set(rows("../elsewhere")) == {"a.md"}


@pytest.fixture
def repository(monkeypatch) -> Callable[..., str]:
    """A Git repository in the current directory, and a function that commits all of it and gives the commit."""
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "test")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "test@example.org")
    git("init", "--quiet", "--initial-branch=main")

    def commit(*options: str) -> str:
        git("add", "--all", "docs")
        assert git("commit", "--quiet", "--message=change", *options) is not None
        return str(git("rev-parse", "HEAD")).strip()

    return commit


def test_a_page_is_ascribed_to_the_commit_that_holds_it_and_to_no_other(repository):
    write({"a.md": PAGE.format(9), "b.md": PAGE.format(5)})
    assert docs()["a.md"]["rev"] == "", "no commit holds it"
    first = repository()
    assert docs()["a.md"]["rev"] == first
    repository("--allow-empty")
    assert docs()["a.md"]["rev"] == first
    write({"a.md": PAGE.format(8), "new.md": PAGE.format(7)})
    revisions = {path: row["rev"] for path, row in docs().items()}
    assert revisions == {"a.md": f"{first}-dirty", "b.md": first, "new.md": f"{first}-dirty"}
    second = repository()
    assert {row["rev"] for row in docs().values()} == {second}


def test_a_page_is_dirty_when_a_file_that_it_includes_is(repository):
    write({"a.md": "import P from './_p.md'\n\n<P />\n", "_p.md": "Nine litres.\n", "b.md": PAGE.format(5)})
    first = repository()
    write({"_p.md": "Ten litres.\n"})
    assert {path: row["rev"] for path, row in docs().items()} == {"a.md": f"{first}-dirty", "b.md": first}


def test_a_page_that_git_ignores_is_in_no_commit(repository):
    write({"a.md": PAGE.format(9), ".gitignore": "b.md\n"})
    first = repository()
    write({"b.md": PAGE.format(8)})
    assert docs()["b.md"]["rev"] == f"{first}-dirty"


def test_rows_hold_the_hash_of_the_file():
    write({"a.md": PAGE.format(9)})
    assert docs()["a.md"]["file_sha256"] == rows()["a.md"]["sha256"]


@pytest.mark.slow
def test_dvc_runs_ingest_for_an_edited_page_and_for_nothing_else_in_the_directory(make_clone):
    """The pages in a directory that is a repository of Git and DVC, within the workspace and beside it."""
    clone: Clone = make_clone()
    for path in ("site/docs", "../manual"):
        pages = clone.directory / path
        pages.mkdir(parents=True)
        change_params(clone.directory / "params.yaml", {"docs.path": path})
        inside = Clone(pages if path.startswith("..") else pages.parent)
        inside.run("git", "init", "--quiet")
        inside.run("dvc", "init", "--quiet")
        (pages / "boiler.md").write_text(PAGE.format(9), encoding="utf-8")
        (pages / "gone.md").symlink_to("nowhere.md")
        os.mkfifo(pages / "pipe.md")
        assert clone.repro("ingest") == ["ingest"]
        assert clone.repro("ingest") == []
        inside.run("git", "commit", "--quiet", "--allow-empty", "--message=empty")
        inside.run("git", "gc", "--quiet")
        (pages / "node_modules").mkdir()
        (pages / "node_modules" / "x.md").write_text("# X\n\nText.\n", encoding="utf-8")
        (pages / "image.png").write_bytes(b"x")
        assert clone.repro("ingest") == []
        (pages / "boiler.md").write_text(PAGE.format(8), encoding="utf-8")
        assert clone.repro("ingest") == ["ingest"]
        assert "8 litres" in (clone.directory / "data/docs.jsonl").read_text("utf-8")
        assert "d751713988987e9331980363e24189ce" not in (clone.directory / "dvc.lock").read_text("utf-8")


@pytest.mark.slow
def test_who_pulls_without_the_pages_runs_no_stage_and_an_experiment_elsewhere_finds_them(make_clone, tmp_path):
    clone: Clone = make_clone()
    shutil.copytree(clone.directory / "docs", clone.directory.parent / "pages-elsewhere")
    change_params(clone.directory / "params.yaml", {"docs.path": "../pages-elsewhere"})
    assert clone.repro("chunk") == ["ingest", "chunk"]
    clone.run("git", "add", "--all")
    clone.run("git", "commit", "--quiet", "--message=run")
    assert "chunk" in clone.run("dvc", "exp", "run", "--temp", "-S", "chunk.max_tokens=300", "chunk")
    clone.run("dvc", "remote", "add", "--default", "--force", "store", str(tmp_path / "remote"))
    clone.run("dvc", "push", "--quiet")
    clone.run("git", "commit", "--quiet", "--all", "--message=remote")
    (tmp_path / "deep").mkdir()
    clone.run("git", "clone", "--quiet", str(clone.directory), str(tmp_path / "deep" / "colleague"))
    colleague = Clone(tmp_path / "deep" / "colleague")
    colleague.run("dvc", "pull", "--quiet", "chunk", "ingest", "sources")
    assert colleague.repro("chunk") == []
    assert colleague.run("git", "status", "--porcelain") == ""
