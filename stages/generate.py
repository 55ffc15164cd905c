"""Chunks in, instruction/input/output pairs out, each with the chunk and the quote that it rests on.

Reads data/chunks.jsonl and the prompts; writes data/pairs.jsonl, data/responses.jsonl (the answers that the pairs were
made from) and reports/generate.json.
Answers of the `llm` backend are kept in .cache/responses.sqlite as they arrive, so that nothing is paid twice; those in
data/responses.jsonl are put there first, so that whoever pulled the data asks nothing.
Run: python -m stages.generate
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from string import Template
from typing import Any

from tqdm import tqdm

from stages.shared import params, paths
from stages.shared.errors import ParamsError, UserError, run_stage
from stages.shared.generation import extractive
from stages.shared.generation.answer import Answer, schema
from stages.shared.llm import client
from stages.shared.llm.outcome import Outcome
from stages.shared.llm.requests import Message, Request
from stages.shared.llm.store import Store
from stages.shared.records import Chunk, Pair, digest, read_jsonl, write_json, write_jsonl
from stages.shared.text import language


def to_pair(chunk: Chunk, row: dict[str, str], request_key: str) -> Pair:
    instruction, extra, output = row["instruction"].strip(), row.get("input", "").strip(), row["output"].strip()
    return {
        "pair_id": digest(chunk["chunk_id"], instruction, extra, output),
        "chunk_id": chunk["chunk_id"],
        "instruction": instruction,
        "input": extra,
        "output": output,
        "evidence": row["evidence"],
        "style": row.get("style", "llm"),
        "request_key": request_key,
    }


def extractive_pairs(chunks: Iterable[Chunk], section: params.Generate) -> Iterator[Pair]:
    for chunk in chunks:
        for row in extractive.rows(chunk, section.phrasings, section.language):
            yield to_pair(chunk, row, "")


def prompt(file: Path) -> tuple[Template, Template]:
    """The system and the user part of a prompt file, which stand under `# system` and `# user`."""
    try:
        system, found, user = file.read_text(encoding="utf-8-sig").partition("\n# user\n")
    except OSError as error:
        raise ParamsError(f"params.yaml: generate.prompts: {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{file} is not UTF-8; save it as UTF-8") from None
    parts = Template(system.removeprefix("# system").strip()), Template(user.strip())
    unknown = {name for part in parts for name in part.get_identifiers()} - {"title", "headings", "text", "pairs"}
    if not found or unknown or not all(part.is_valid() for part in parts):
        raise UserError(
            f"{file}: a prompt has the parts `# system` and `# user` and may use $title, $headings, $text and "
            f"$pairs (a dollar sign is written $$){': not $' + min(unknown) if unknown else ''}"
        )
    return parts


def to_request(chunk: Chunk, section: params.Generate, prompts: dict[str, tuple[Template, Template]]) -> Request:
    lang = language(chunk["text"]) if section.language == "auto" else section.language
    values = {
        "title": chunk["headings"][0],
        "headings": " > ".join(chunk["headings"]),
        "text": chunk["text"],
        "pairs": section.pairs_per_chunk,
    }
    system, user = (part.substitute(values) for part in prompts[lang])
    messages: tuple[Message, Message] = ({"role": "system", "content": system}, {"role": "user", "content": user})
    sampling = {"temperature": section.temperature, "max_tokens": section.max_tokens}
    return Request(section.model, messages, schema(section.pairs_per_chunk), sampling)


def llm_pairs(chunks: list[Chunk], section: params.Generate, figures: dict[str, Any]) -> Iterator[Pair]:
    """The stored answers as pairs, after asking for those that are missing."""
    prompts = {lang: prompt(Path(section.prompts) / f"generate.{lang}.md") for lang in ("zh", "en")}

    def requests() -> Iterator[Request]:
        return (to_request(chunk, section, prompts) for chunk in chunks)

    with Store.of_repository() as store:
        store.seed(paths.RESPONSES)
        outcome = client.complete(requests(), store, Answer, section, "generate", len(chunks))
        figures.update(outcome.report())
        refuse_too_many_failures(outcome, len(chunks), section.max_failed)
        for chunk, request in zip(chunks, requests(), strict=True):
            answer = store.get(request.key())
            rows = Answer.model_validate_json(answer).pairs[: section.pairs_per_chunk] if answer else []
            pairs = [to_pair(chunk, row.model_dump(), request.key()) for row in rows]
            yield from {pair["pair_id"]: pair for pair in pairs}.values()  # a model may repeat itself
        write_jsonl(paths.RESPONSES, store.rows(request.key() for request in requests()))


def refuse_too_many_failures(outcome: Outcome, chunks: int, max_failed: float) -> None:
    """Raise when more than `generate.max_failed` of the chunks have no answer."""
    if outcome.unanswered() > max_failed * chunks:
        raise UserError(
            f"{outcome.unanswered()} of {chunks} chunks have no answer ({outcome.reasons()}); all others are stored: "
            "`dvc repro` asks only for the missing ones, generate.max_failed allows more"
        )


def main() -> None:
    section = params.load().generate
    chunks: list[Chunk] = list(read_jsonl(paths.CHUNKS))
    figures: dict[str, Any] = {"backend": section.backend, "chunks": len(chunks)}
    if section.backend == "llm":
        pairs = list(llm_pairs(chunks, section, figures))
    else:
        pairs = list(extractive_pairs(tqdm(chunks, desc="generate", unit="chunk"), section))
        write_jsonl(paths.RESPONSES, [])
    write_jsonl(paths.PAIRS, pairs)
    figures |= {"pairs": len(pairs), "chunks_without_pair": len(chunks) - len({pair["chunk_id"] for pair in pairs})}
    figures["styles"] = dict(sorted(Counter(pair["style"] for pair in pairs).items()))
    write_json(paths.REPORTS / "generate.json", figures)
    print(f"generate: {len(pairs)} pairs from {len(chunks)} chunks by the {section.backend} backend")


if __name__ == "__main__":
    run_stage("generate", main)
