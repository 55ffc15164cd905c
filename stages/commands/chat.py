"""Ask the tuned model, or base and tuned side by side, in the terminal.

Prompts are built as in training and answers are greedy, so you get the same answers as evaluate. In a dialogue,
Ctrl-C stops an answer, /new starts a new conversation, and Ctrl-D exits.

Examples:
  doclore chat -p "What does ingest do?"
  doclore chat --compare
  doclore chat --search -p "What does ingest do?"
"""

import argparse
import sys
from typing import TYPE_CHECKING, Any

from stages.common.base.printable import printable, say, terminal

if TYPE_CHECKING:
    from stages.commands.serving.passages import Passages
    from stages.commands.serving.reasons import TrainedRows
    from stages.commands.serving.talk import Talker
    from stages.common.schema import Params


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-p", "--prompt", metavar="QUESTION", help="ask this one question and exit; - reads it from stdin"
    )
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--compare", action="store_true", help="base and tuned model side by side")
    who.add_argument(
        "--model", choices=("tuned", "adapter", "base"), default="tuned", help="who answers (default: tuned)"
    )
    parser.add_argument("--search", action="store_true", help="put passages found by a search before each question")
    parser.add_argument("--why", action="store_true", help="show the nearest training rows, with page and lines")
    parser.add_argument("--system", metavar="TEXT", help="system turn in place of format.system_prompt")
    parser.add_argument("--max-new-tokens", type=int, default=512, metavar="N", help="longest answer (default: 512)")


def run(arguments: argparse.Namespace) -> None:
    from stages.commands.serving.talk import Talker, trained_tokenizer
    from stages.common.base import params
    from stages.common.base.errors import UserError

    if arguments.max_new_tokens < 1:
        raise UserError(f"--max-new-tokens {arguments.max_new_tokens}: accepted is a number of tokens, at least 1")
    question = sys.stdin.read().strip() if arguments.prompt == "-" else arguments.prompt
    if question is not None and not question.strip():
        raise UserError("no question given; type one, such as -p 'What does ingest do?'")
    settings = params.load()
    tokenizer = trained_tokenizer()
    trained = trained_rows() if arguments.why else None
    passages = searched(settings) if arguments.search else None
    quiet()
    names = ("base", "tuned") if arguments.compare else (arguments.model,)
    talkers = [Talker(name, settings, tokenizer) for name in names]
    if question is not None:
        one_question(question, talkers, arguments, trained, passages)
    else:
        dialogue(talkers, arguments, trained, passages)


def trained_rows() -> "TrainedRows":
    from stages.commands.serving.reasons import TrainedRows

    return TrainedRows()


def searched(settings: "Params") -> "Passages":
    from stages.commands.serving.passages import Passages

    return Passages(settings.evaluate)


def quiet() -> None:
    """No bars of weights being loaded among the answers."""
    from transformers.utils import logging

    logging.disable_progress_bar()


def one_question(
    question: str,
    talkers: list["Talker"],
    arguments: argparse.Namespace,
    trained: "TrainedRows | None",
    passages: "Passages | None",
) -> None:
    answers = tell(question, [[] for _ in talkers], talkers, arguments, passages)
    explain(question, answers[-1], trained)


def dialogue(
    talkers: list["Talker"], arguments: argparse.Namespace, trained: "TrainedRows | None", passages: "Passages | None"
) -> None:
    """Question after question; each model remembers its own answers."""
    say("Ask about the documentation. Ctrl-C stops an answer, /new starts a new conversation, Ctrl-D exits.")
    turns: list[list[dict[str, str]]] = [[] for _ in talkers]
    while True:
        try:
            question = input("\n> ").strip()
        except (EOFError, KeyboardInterrupt):
            say()
            return
        if question == "/new":
            turns = [[] for _ in talkers]
        elif question:
            answers = tell(question, turns, talkers, arguments, passages)
            for history, answer in zip(turns, answers, strict=True):
                history += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
            explain(question, answers[-1], trained)


def tell(
    question: str,
    turns: list[list[dict[str, str]]],
    talkers: list["Talker"],
    arguments: argparse.Namespace,
    passages: "Passages | None",
) -> list[str]:
    """Show the answers as they come, then what they were given to read, and return them; Ctrl-C ends them early."""
    found = passages.found(question) if passages else []
    prompts = [
        talker.prompt(
            [*history, {"role": "user", "content": question}],
            arguments.system,
            passages.before(question, found, talker.chat) if passages else None,
        )
        for talker, history in zip(talkers, turns, strict=True)
    ]
    streams = [talker.answer(prompt, arguments.max_new_tokens) for talker, prompt in zip(talkers, prompts, strict=True)]
    if len(talkers) == 1:
        answers = [print_stream(streams[0])]
    else:
        answers = print_side_by_side([talker.name for talker in talkers], streams)
    if passages:
        from stages.commands.serving.passages import told

        say(f"\nSources:\n{told(found)}")
    return answers


def print_stream(stream: Any) -> str:
    text = ""
    try:
        for piece in stream:
            shown = piece if text else piece.lstrip()
            say(shown, end="", flush=True)
            text += piece
    except KeyboardInterrupt:
        stream.close()
    say()
    return text.strip()


def print_side_by_side(names: list[str], streams: list[Any]) -> list[str]:
    """Both answers in one table that grows, in turns of a piece each; without a terminal one after the other, as plain
    text."""
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

    texts = [""] * len(streams)

    def table() -> Table:
        shown = Table(*names, expand=True)
        shown.add_row(*(Text(printable(text.strip())) for text in texts))
        return shown

    console = terminal()
    if not console.is_terminal:
        texts = ["".join(stream).strip() for stream in streams]
        say("\n\n".join(f"{name}:\n{text}" for name, text in zip(names, texts, strict=True)))
        return texts
    with Live(console=console, auto_refresh=False, vertical_overflow="visible") as live:
        open_streams = dict(enumerate(streams))
        try:
            while open_streams:
                for place, stream in list(open_streams.items()):
                    piece = next(stream, None)
                    if piece is None:
                        del open_streams[place]
                    else:
                        texts[place] += piece
                live.update(table(), refresh=True)
        except KeyboardInterrupt:
            for stream in open_streams.values():
                stream.close()
    return [text.strip() for text in texts]


def explain(question: str, answer: str, trained: "TrainedRows | None") -> None:
    """The nearest training rows and where they stand in the documentation, as `doclore why` says it."""
    if not trained:
        return
    say("\nNearest training rows:")
    for row in trained.nearest(question, answer):
        say(f"\n{row['instruction']}\n→ {' '.join(row['output'].split())[:200]}")
        for name, value in trained.origin(row).items():
            say(f"  {name:10}{value}")
