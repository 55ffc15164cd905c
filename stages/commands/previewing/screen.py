"""The preview on screen: colours on a terminal, brackets around tokens with loss where there are none."""

from rich.console import Console
from rich.markup import escape
from rich.rule import Rule
from rich.text import Text

from stages.commands.previewing.views import Token, Trained, View
from stages.common.base.printable import printable

LOSS = ("black on green", "black on bright_green")  # in turn, so that tokens can be told apart
NO_LOSS = ("dim", "dim underline")
PLAIN_LEGEND = "tokens: [with loss], without loss"
FIELDS = ("pair_id", "path", "line_start", "instruction", "input", "output", "system", "style", "form")


def show(console: Console, views: list[View], settings: dict[str, str]) -> None:
    console.print(
        ", ".join(f"{name}: {value}" for name, value in settings.items()), highlight=False, markup=False, soft_wrap=True
    )
    for view in views:
        console.print(Rule(escape(f"{view.split}: pair {view.row['pair_id']}")))
        heading(console, "row")
        for name in FIELDS:
            if view.row.get(name):
                console.print(printable(f"{name}: {view.row[name]}"), highlight=False, markup=False, soft_wrap=True)
        heading(console, "conversation")
        for message in view.messages:
            for name, content in message.items():
                if name != "role" and content:
                    label = message["role"] if name == "content" else f"{message['role']}, {name}"
                    console.print(printable(f"{label}: {content}"), highlight=False, markup=False, soft_wrap=True)
        for trained in view.trained:
            show_trained(console, trained)
        if view.problem:
            console.print(Text(view.problem, style="bold red"))


def heading(console: Console, name: str) -> None:
    console.print(Text(f"\n{name}", style="bold"))


def show_trained(console: Console, trained: Trained) -> None:
    heading(console, "text")
    console.print(printable(trained.text), highlight=False, markup=False, soft_wrap=True)
    fate = f"; {trained.fate}" if trained.fate else ""
    heading(console, f"{trained.count} tokens, {trained.supervised} with loss{fate}")
    coloured = console.is_terminal and not console.no_color
    if coloured:
        console.print(Text.assemble(("with loss", LOSS[0]), " ", ("without loss", NO_LOSS[0])))
    else:
        console.print(PLAIN_LEGEND, markup=False)
    console.print(tokens_text(trained.tokens, coloured), highlight=False, soft_wrap=True)


def tokens_text(tokens: list[Token], coloured: bool) -> Text:
    """All tokens in a row; a newline is shown as ↵ and taken."""
    text = Text()
    for number, token in enumerate(tokens):
        shown = printable(token.text).replace("\n", "↵\n")
        if coloured:
            style = (LOSS if token.loss else NO_LOSS)[number % 2]
            text.append(shown, f"{style} bold" if token.special else style)
        else:
            text.append(f"[{shown}]" if token.loss else shown)
    return text
