"""`doclore preview` shows what format would train, before it has run, and writes a page that markup cannot break."""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from stages.commands import main
from stages.commands.previewing import screen, views
from stages.common.base import params, paths
from stages.common.records.files import write_jsonl
from stages.format import __main__ as format_stage
from support.formatting import row

MARKUP = "<script>alert('x')</script> [bold]so[/bold] 😀"
ROWS = [row("What is `r`?", "`32`"), row("How to quote?", f"Write {MARKUP} & <|im_end|>.")]


@pytest.fixture
def preview(tiny_model, write_params, monkeypatch, capsys):
    """Run the command on the rows; what it prints."""

    def run(*arguments: str, code: int = 0, **changes: object) -> str:
        write_params({"model.name": str(tiny_model), **{f"format.{key}": value for key, value in changes.items()}})
        for name in paths.SPLITS:
            write_jsonl(paths.DATASET / f"{name}.jsonl", ROWS if name == "train" else [])
        monkeypatch.setattr(sys, "argv", ["doclore", "preview", *arguments])
        if code:
            with pytest.raises(SystemExit) as stopped:
                main.main()
            assert stopped.value.code == code
        else:
            main.main()
        printed = capsys.readouterr()
        return printed.out + printed.err

    return run


def test_before_format_has_run_the_row_its_text_and_its_loss_are_shown(preview):
    out = preview("--pair", "id-What is `r`?")
    assert "data/formatted does not exist yet" in out and "mode: chat" in out
    assert "output: `32`" in out and "assistant: `32`" in out
    assert "<|im_start|>user\nWhat is `r`?<|im_end|>\n<|im_start|>assistant\n`32`<|im_end|>" in out
    supervised = re.findall(r"\[([^\]]+)\]", out.partition("without loss\n")[2])
    assert "".join(supervised) == "`32`<|im_end|>"


def test_the_tokens_shown_are_those_that_format_writes(preview):
    preview("-n", "2")
    format_stage.main()
    encoder = views.encoder_for(params.load())
    trained = {one["pair_id"]: one for one in pq.read_table(paths.FORMATTED / "train.parquet").to_pylist()}
    for split, source in views.chosen(2, ""):
        (shown,) = views.view(encoder, split, source).trained
        written = trained[source["pair_id"]]
        assert "".join(token.text for token in shown.tokens) == written["text"]
        assert (shown.count, shown.supervised) == (
            len(written["input_ids"]),
            sum(label != -100 for label in written["labels"]),
        )
    assert "as in data/formatted" in preview("-n", "1")
    assert "was made with a different one" in preview("-n", "1", mode="alpaca")


def test_rows_are_drawn_by_hash_and_as_many_as_asked(preview):
    assert preview("-n", "1").count("pair id-") == 1
    assert preview("-n", "1") == preview("-n", "1")
    assert preview("-n", "5").count("─ train: pair id-") == len(ROWS)


def test_on_a_terminal_loss_is_a_colour_and_markup_stays_text():
    tokens = [views.Token("[bold]", False, False), views.Token("x", True, False)]
    console = Console(force_terminal=True, color_system="standard", width=80, no_color=False)
    with console.capture() as captured:
        console.print(screen.tokens_text(tokens, True))
    assert "[bold]" in captured.get() and "\x1b[" in captured.get()
    assert screen.tokens_text(tokens, False).plain == "[bold][x]"


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        self.text += data


def test_the_page_is_self_contained_and_escapes_everything(preview):
    assert "2 rows in out/page.html" in preview("-n", "2", "--html", "out/page.html")
    page = Page()
    page.feed(Path("out/page.html").read_text("utf-8"))
    assert "script" not in page.tags and page.links == []
    assert MARKUP in page.text and "<|im_start|>assistant" in page.text


def test_what_format_would_do_with_a_long_row_is_told(preview):
    assert "dropped: above format.max_length" in preview("-n", "2", max_length=16)
    assert "cut to format.max_length" in preview("-n", "2", max_length=40, overlong="truncate")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--pair", "nothing"], "has the pair_id nothing"),
        (["-n", "0"], "at least 1"),
        (["--html", "."], "--html . is a directory"),
    ],
)
def test_a_mistake_is_one_line(preview, arguments, told):
    out = preview(*arguments, code=1)
    assert told in out and "Traceback" not in out
