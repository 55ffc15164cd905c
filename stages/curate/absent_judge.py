"""Where the judge is on, it also says whether questions that the documentation is taken not to answer are answered
after all, by what a search of all pages finds for them. Only those pass that nothing found answers, not even in
part."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.exam.search import Search, chunk_text
from stages.common.llm import prompts
from stages.common.llm.requests import Request
from stages.common.llm.store import Store
from stages.common.records.files import read_jsonl, write_jsonl
from stages.common.records.rows import DatasetRow
from stages.common.rows.rows import Chunks
from stages.common.schema import Judge
from stages.common.text.wording import language
from stages.curate.forms import Asked
from stages.curate.judge import Choice

NAMES = ("question", "passages")  # what prompts/absent.*.md may use
SHOWN = 4  # passages


class Finding(BaseModel):
    """The reply: whether the passages answer the question."""

    model_config = ConfigDict(extra="forbid")
    answered: Choice


def sift(asked: Asked, chunks: Chunks, section: Judge) -> tuple[Asked, dict[str, int]]:
    """The rows without the questions that are answered after all, and how often the judge said what; its verdicts join
    data/verdicts.jsonl."""
    rows = [*asked.refused, *asked.unanswerable]
    if not (section.enabled and rows):
        return asked, {}
    from stages.common.llm import client  # and with it aiohttp, which nothing else here needs

    requests = dict(zip((row["pair_id"] for row in rows), judged(rows, chunks, section), strict=True))
    with Store.of_repository() as store:
        outcome = client.complete(requests.values(), store, Finding, section, "curate.judge", len(requests))
        said = {pair_id: finding(store.get(request.key())) for pair_id, request in requests.items()}
        keys = [request.key() for request in requests.values()]
        write_jsonl(paths.VERDICTS, [*read_jsonl(paths.VERDICTS), *store.rows(keys)])
    if outcome.unanswered() > section.max_failed * len(rows):
        raise UserError(
            f"{outcome.unanswered()} of {len(rows)} questions without an answer have no verdict ({outcome.reasons()}); "
            "all others are stored: `dvc repro` asks only for the missing ones, curate.judge.max_failed allows more"
        )
    kept = ([row for row in part if said.get(row["pair_id"], "no") == "no"] for part in asked[1:])
    return Asked(asked.rows, *kept), dict(sorted(Counter(said.values()).items()))


def prompts_of(section: Judge) -> dict[str, prompts.Prompt]:
    return {
        lang: prompts.load(Path(section.prompts) / f"absent.{lang}.md", NAMES, "curate.judge.prompts")
        for lang in ("zh", "en")
    }


def judged(rows: Iterable[DatasetRow], chunks: Chunks, section: Judge) -> Iterator[Request]:
    """A request about each question, with what a search of all chunks puts first."""
    loaded = prompts_of(section)
    texts = [chunk_text(chunk) for chunk in chunks.values()]
    search = Search(texts)
    for row in rows:
        passages = "\n\n".join(texts[place] for place in search.find(row["instruction"], min(SHOWN, len(texts))))
        values: dict[str, object] = {"question": row["instruction"], "passages": passages}
        messages = loaded[language(row["instruction"])].messages(values)
        yield Request.of(section, messages, Finding.model_json_schema())


def finding(answer: str | None) -> str:
    return Finding.model_validate_json(answer).answered if answer else "no_verdict"
