"""One chunk of a page to the language model: its prompts, replies, pairs and verdicts, so that a prompt can be edited
in a minute. What is answered is stored as in a run of generate, which then asks nothing of it again."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stages.common import schema
from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.llm import client
from stages.common.llm.store import Store
from stages.common.records.files import read_jsonl
from stages.common.records.rows import Chunk
from stages.common.rows.source import Source
from stages.common.text.wording import language
from stages.curate.checks import verdict
from stages.generate.labelling.answer import Answer
from stages.generate.labelling.first_pass import Known
from stages.generate.labelling.labelling import Labelling
from stages.generate.labelling.languages import of_pages
from stages.generate.tally import DROPPED, Tally


def ask(page: Path, number: int, settings: schema.Params, console: Console) -> None:
    """Ask about the chunk with this number, from 1, of a page. Raises UserError."""
    section = settings.generate
    if section.backend == "extractive":
        raise UserError("generate.backend is extractive: no model is asked; set it to llm to try a single page")
    chunks = list(of_page(page))
    if not 1 <= number <= len(chunks):
        raise UserError(f"{page} has {len(chunks)} chunks; --chunk takes a number from 1 to {len(chunks)}")
    chunk, pages = chunks[number - 1], of_pages()
    console.rule(f"{chunk['path']}:{chunk['line_start']}-{chunk['line_end']}, chunk {number} of {len(chunks)}")
    with Store.of_repository() as store:
        store.seed(paths.RESPONSES)
        labelling = Labelling(section, store, lambda: iter(chunks[max(0, number - 2) : number]), pages)
        of_chunk = next(
            tasks for asked, tasks in labelling.first_pass.asked() if asked["chunk_id"] == chunk["chunk_id"]
        )
        missing = [
            labelling.first_pass.request(chunk, known) for known in of_chunk if not labelling.first_pass.entry(known)
        ]
        said: dict[str, str] = {}
        heard = lambda request, reply: said.update({request.key(): reply.text or reply.thoughts})  # noqa: E731
        outcome = client.complete(missing, store, Answer, section, "generate", len(missing), heard)
        source = Source(chunk, frozenset({pages.get(chunk["path"]) or language(chunk["text"])}))
        for known in of_chunk:
            console.print(table(labelling, chunk, known, said.get(known.task.key, ""), source, settings.curate))
    if outcome.unanswered():
        raise UserError(f"no answer to {outcome.unanswered()} of {len(of_chunk)} requests ({outcome.reasons()})")


def of_page(page: Path) -> Iterator[Chunk]:
    """The chunks of a page, which may be named as a file or by its path in the documentation."""
    name = os.path.normpath(page)
    chunks = [
        chunk
        for chunk in read_jsonl(paths.CHUNKS)
        if any(name == path or name.endswith(f"{os.sep}{path}") for path in (chunk["path"], *chunk["also_in"]))
    ]
    if not chunks:
        raise UserError(
            f"{page} has no chunk in {paths.CHUNKS}; name a page of the documentation, after `dvc repro chunk`"
        )
    yield from chunks


def table(labelling: Labelling, chunk: Chunk, known: Known, said: str, source: Source, limits: schema.Curate) -> Table:
    """A request's prompt, its reply as it was said or is stored, and what the pairs are worth, side by side."""
    request, entry = labelling.first_pass.request(chunk, known), labelling.store.find(known.task.key)
    shown = Table(title=f"style {known.task.style}", show_lines=True, expand=True)
    for name, share in (("prompt", 3), ("reply", 2), ("pairs and verdicts", 3)):
        shown.add_column(name, ratio=share, overflow="fold")
    prompt = "\n\n".join(f"[{message['role']}]\n{message['content']}" for message in request.messages)
    if entry and entry.refused:
        said = f"{said}\n\n{entry.refused}".strip()
    reply = said or (json.dumps(json.loads(entry.answer), ensure_ascii=False, indent=2) if entry else "")
    pairs, tally = Text(), Tally()
    for pair in labelling.first_pairs(chunk, [known], tally):
        failed = verdict(pair, source, limits)
        why = f"rejected by {failed[0]}: {failed[1].value} (limit {failed[1].threshold})" if failed else "kept"
        pairs.append(f"{pair['instruction']}\n", style="bold")
        pairs.append("".join(f"{pair[name]}\n" for name in ("input", "output") if pair[name]))  # type: ignore[literal-required]
        pairs.append(f"evidence: {pair['evidence'] or 'none'}\n", style="dim")
        pairs.append(f"{why}\n\n", style="red" if failed else "green")
    for name in DROPPED:
        if count := tally.of_style[known.task.style][name]:
            pairs.append(f"{count} left out: {name.replace('_', ' ')}\n", style="red")
    shown.add_row(Text(prompt), Text(reply), pairs)
    return shown
