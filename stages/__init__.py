"""doclore's stages, a package each: ingest (with its step sources) chunk generate curate format train merge evaluate
report. What several need is in common, the `doclore` command in commands."""

import sys
from types import TracebackType


def told(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Ctrl-C in the first second, while modules are still being imported, is a word and no traceback."""
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("interrupted\n")
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = told
