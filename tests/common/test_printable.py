"""What reaches a terminal does not act on it."""

import ast
import io
import os
import subprocess
import sys

import pytest

from stages.common.base.printable import say, terminal
from support.repository import ROOT

ACTING = "".join(map(chr, [*range(9), *range(11, 32), *range(127, 160)]))
ALONE = {
    "common/base/printable.py",
    "examining/cards.py",
}  # and a file that runs before doclore is there


def test_neither_a_line_nor_a_console_passes_a_control_character_on(capsys):
    for place in (say, terminal().print):
        place(f"lamp{ACTING}\x1b[2J\tfour\nports")
    page = io.StringIO()
    terminal(file=page, force_terminal=True, color_system=None).print(f"lamp{ACTING}\x1b]0;gone\x07")
    shown = capsys.readouterr().out + page.getvalue()
    assert shown.count("lamp") == 3
    assert not set(shown) & set(ACTING)


def test_all_code_prints_by_way_of_them():
    printing = {
        file.relative_to(ROOT / "stages").as_posix()
        for file in (ROOT / "stages").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("print", "Console")
    }
    assert {name for name in printing if not name.endswith(tuple(ALONE))} == set()


PRINT = "from stages.common.base.printable import say, speak_any_language, terminal; speak_any_language(); "


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "gbk"])
def test_what_a_terminal_cannot_write_becomes_an_escape_and_ends_nothing(encoding):
    code = PRINT + "say('灯 ✓ “0.5”'); terminal().print('灯 … ✓')"
    env = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, check=True)
    assert b"0.5" in done.stdout
    assert b"\\u2713" in done.stdout
    assert done.stderr == b""


def test_closed_streams_end_nothing():
    code = f"{sys.executable} -c \"{PRINT}say('lamp'); terminal().print('lamp')\" >&- 2>&-"
    assert subprocess.run(["sh", "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("module", ["stages.ingest", "stages.commands.main"])
def test_an_interrupt_while_modules_are_imported_is_no_traceback(module):
    code = f"""
import os, runpy, signal, sys
class Interrupting:
    def find_spec(self, name, *_):
        if name.startswith("stages.common.base"):
            os.kill(os.getpid(), signal.SIGINT)
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Interrupting())
runpy.run_module("{module}", run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (-2, 130)
    assert done.stderr == "interrupted\n"
