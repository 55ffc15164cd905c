"""Chunks in, instruction/input/output pairs out, each with the chunk and the quote that it rests on.

Reads data/chunks.jsonl and the prompts; writes data/pairs.jsonl, data/empty.jsonl (chunks whose answer held no pair)
and reports/generate.json.
Answers of the `llm` backend are kept in .cache/responses.sqlite as they arrive, so that nothing is paid twice.
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
from stages.shared.llm import client
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


def to_request(chunk: Chunk, section: params.Generate, prompts: dict[str, tuple[Template, Template]]) -> client.Request:
    lang = language(chunk["text"]) if section.language == "auto" else section.language
    values = {
        "title": chunk["headings"][0],
        "headings": " > ".join(chunk["headings"]),
        "text": chunk["text"],
        "pairs": section.pairs_per_chunk,
    }
    system, user = (part.substitute(values) for part in prompts[lang])
    return client.Request(section.model, system, user, section.pairs_per_chunk, section.temperature, section.max_tokens)


def seed(store: Store, pairs: Iterable[Pair], empty: Iterable[dict[str, str]]) -> None:
    """Give the store the answers behind the last outputs: who pulled the data asks nothing again."""
    answers: dict[str, list[dict[str, Any]]] = {row["request_key"]: [] for row in empty}
    for pair in pairs:
        if pair["request_key"]:
            fields = {name: pair[name] for name in ("instruction", "input", "output", "evidence")}  # type: ignore[literal-required]
            answers.setdefault(pair["request_key"], []).append(fields)
    for key, fields_of_pairs in answers.items():
        store.put(key, client.Answer.model_validate({"pairs": fields_of_pairs}).model_dump_json())


def llm_pairs(
    chunks: list[Chunk], section: params.Generate, figures: dict[str, Any], empty: list[dict[str, str]]
) -> Iterator[Pair]:
    """The stored answers as pairs, after asking for those that are missing; `empty` gets those without any pair."""
    prompts = {lang: prompt(Path(section.prompts) / f"generate.{lang}.md") for lang in ("zh", "en")}
    with Store(paths.cache_dir() / "responses.sqlite") as store:
        if paths.PAIRS.exists() and paths.EMPTY.exists():
            seed(store, read_jsonl(paths.PAIRS), read_jsonl(paths.EMPTY))
        endpoint = client.complete(lambda: (to_request(c, section, prompts) for c in chunks), store, section)
        outcome = endpoint.outcome if endpoint else client.Outcome()
        failures = endpoint.failures if endpoint else Counter[str]()
        figures.update(vars(outcome), failed=failures.total())
        refuse_too_many_failures(failures, len(chunks), section.max_failed, endpoint.example if endpoint else "")
        for chunk in chunks:
            key = to_request(chunk, section, prompts).key()
            answer = store.get(key)
            rows = client.Answer.model_validate_json(answer).pairs[: section.pairs_per_chunk] if answer else []
            if answer and not rows:
                empty.append({"chunk_id": chunk["chunk_id"], "request_key": key})
            pairs = [to_pair(chunk, row.model_dump(), key) for row in rows]
            yield from {pair["pair_id"]: pair for pair in pairs}.values()  # a model may repeat itself


def refuse_too_many_failures(failures: Counter[str], chunks: int, max_failed: float, example: str) -> None:
    """Raise when more than `generate.max_failed` of the chunks have no answer."""
    if failures.total() > max_failed * chunks:
        kinds = ", ".join(f"{count} × {kind}" for kind, count in failures.most_common())
        kinds += f"; the first: {example}" if example else ""
        raise UserError(
            f"{failures.total()} of {chunks} chunks have no answer ({kinds}); all others are stored: "
            "`dvc repro` asks only for the missing ones, generate.max_failed allows more"
        )


def main() -> None:
    section = params.load().generate
    chunks: list[Chunk] = list(read_jsonl(paths.CHUNKS))
    figures: dict[str, Any] = {"backend": section.backend, "chunks": len(chunks)}
    empty: list[dict[str, str]] = []
    if section.backend == "llm":
        pairs = list(llm_pairs(chunks, section, figures, empty))
    else:
        pairs = list(extractive_pairs(tqdm(chunks, desc="generate", unit="chunk"), section))
    write_jsonl(paths.PAIRS, pairs)
    write_jsonl(paths.EMPTY, empty)
    figures |= {"pairs": len(pairs), "chunks_without_pair": len(chunks) - len({pair["chunk_id"] for pair in pairs})}
    figures["styles"] = dict(sorted(Counter(pair["style"] for pair in pairs).items()))
    write_json(paths.REPORTS / "generate.json", figures)
    print(f"generate: {len(pairs)} pairs from {len(chunks)} chunks by the {section.backend} backend")


if __name__ == "__main__":
    run_stage("generate", main)
