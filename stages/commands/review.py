"""Review pairs on a local page: accept, reject or edit; verdicts go to data/review.jsonl.

The page is served on 127.0.0.1 only, and its link contains a key. Commit data/review.jsonl with Git; `dvc repro`
applies it.

Examples:
  doclore review
  doclore review --no-browser --port 8123
  doclore review --export --since main | gh pr create --title Review --body-file -
"""

import argparse
import secrets
import webbrowser

from stages.common.base.errors import UserError
from stages.common.base.ports import listening
from stages.common.base.printable import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    parser.add_argument("--export", action="store_true", help="print the verdicts as Markdown, for a pull request")
    parser.add_argument("--since", metavar="REV", help="with --export: only verdicts that differ from this revision's")
    parser.add_argument("--no-browser", action="store_true", help="print the link, do not open a browser")


def run(arguments: argparse.Namespace) -> None:
    if arguments.export:
        export(arguments.since)
        return
    if arguments.since:
        raise UserError("--since belongs to --export")
    serve(arguments)


def export(since: str | None) -> None:
    from stages.commands.reviewing.export import changed_since, markdown
    from stages.common.base import paths
    from stages.curate.review import read_reviews

    say(markdown(changed_since(since) if since else read_reviews(paths.REVIEW)))


def serve(arguments: argparse.Namespace) -> None:
    try:
        import uvicorn

        from stages.commands.reviewing.server import application
    except ImportError as error:
        raise UserError(f"the review page needs {error.name}; type `pip install starlette uvicorn`") from None
    from stages.commands.reviewing.queue import Queue

    queue = Queue()
    queue.reviews()  # a malformed data/review.jsonl is told now
    token = secrets.token_urlsafe(24)
    with listening("127.0.0.1", arguments.port) as listener:
        port = listener.getsockname()[1]
        app = application(queue, token, {f"127.0.0.1:{port}", f"localhost:{port}"})
        link = f"http://127.0.0.1:{port}/#{token}"
        say(f"doclore review: {len(queue.items)} pairs at {link} (Ctrl+C ends)", flush=True)
        if not arguments.no_browser:
            webbrowser.open(link)
        config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", server_header=False)
        uvicorn.Server(config).run(sockets=[listener])
