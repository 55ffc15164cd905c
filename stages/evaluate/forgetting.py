"""Whether training took away what the base model could do: general benchmarks by EleutherAI's lm-evaluation-harness
(Biderman et al. 2024, arXiv:2405.14782, https://github.com/EleutherAI/lm-evaluation-harness), of base and tuned model.

Its tasks are known by their names, and so are the user's own task files below `evaluate.lm_eval_include_path`. Scores
are kept with the answers of each model, so that a task is run once.
"""

import logging
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from stages.common.base.errors import ParamsError, UserError
from stages.common.base.printable import say
from stages.common.records.files import digest, file_sha256
from stages.common.schema import Evaluate
from stages.evaluate import statistics
from stages.evaluate.local import LocalModel
from stages.evaluate.models import Models


class Benchmarks:
    """The tasks of `evaluate.lm_eval`. Raises UserError at once when they cannot be run, before hours of answers."""

    def __init__(self, section: Evaluate) -> None:
        self.section, self.directory = section, Path(section.lm_eval_include_path)
        if section.lm_eval:
            self.version = installed()
            self.own = [[str(file), file_sha256(file)] for file in sorted(self.directory.rglob("*")) if file.is_file()]
            unknown = [task for task in section.lm_eval if task not in self.manager.all_tasks]
            if unknown:
                alike = ", ".join(get_close_matches(unknown[0], self.manager.all_tasks))
                raise ParamsError(
                    f"params.yaml: evaluate.lm_eval: {unknown[0]!r} is not a task of lm_eval {self.version} nor of "
                    f"{self.directory}{f'; alike are {alike}' if alike else ''}"
                )

    @cached_property
    def manager(self) -> Any:
        """lm_eval's index of tasks. That of its own ones takes seconds, so it is made when they are needed."""
        from lm_eval.tasks import TaskManager

        logging.getLogger("lm_eval").setLevel(logging.ERROR)
        own = TaskManager(include_path=str(self.directory), include_defaults=False)
        if set(self.section.lm_eval) <= set(own.all_tasks):
            return own
        return TaskManager(include_path=str(self.directory))

    def figures(self, models: Models) -> dict[str, dict[str, Any]]:
        """By task the scores of base and tuned model, from 0 to 1, and the interval of tuned − base."""
        local = {
            name: model for name, model in models.items() if isinstance(model, LocalModel)
        }  # params allow no other
        scores = {
            name: {task: self.score(model, task) for task in self.section.lm_eval} for name, model in local.items()
        }
        return {task: compared(scores["base"][task], scores["tuned"][task]) for task in self.section.lm_eval}

    def score(self, model: LocalModel, task: str) -> dict[str, Any]:
        """The score of a model in a task, from its file or by running the task."""
        key = digest("lm_eval", self.version, task, self.section.lm_eval_limit, self.own)
        if key not in model.known:
            model.keep({key: self.run(model, task)})
        score: dict[str, Any] = model.known[key]
        return score

    def run(self, model: LocalModel, task: str) -> dict[str, Any]:
        from lm_eval import simple_evaluate
        from lm_eval.models.huggingface import HFLM

        say(f"evaluate: {task} by lm_eval with the {model.name} model", flush=True)
        try:
            results = simple_evaluate(
                model=HFLM(pretrained=model.loaded(), tokenizer=model.tokenizer, batch_size=self.section.batch_size),
                tasks=[task],
                task_manager=self.manager,
                limit=self.section.lm_eval_limit or None,
                bootstrap_iters=0,
            )
        except (OSError, ValueError, ImportError) as error:  # no data, no network, a package that the task needs
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"evaluate.lm_eval: {task} cannot be run ({type(error).__name__}: {reason})") from None
        return read(task, results)


def installed() -> str:
    """The version of lm_eval. Raises UserError when it is missing."""
    try:
        return version("lm_eval")
    except PackageNotFoundError:
        raise UserError("evaluate.lm_eval needs lm_eval; type: pip install 'doclore[lm-eval]'") from None


def read(task: str, results: Mapping[str, Any]) -> dict[str, Any]:
    """Name and value of a task's first metric of which more is better, and its values by question where the score is
    their mean. Raises UserError when there is none."""
    higher = results["higher_is_better"].get(task, {})
    for name, value in results["results"][task].items():
        metric = name.partition(",")[0]
        if isinstance(value, float | int) and higher.get(metric):
            each = list(by_question(task, results, name))
            mean = sum(each) / len(each) if each else None
            rows = len(each) or results["n-samples"].get(task, {}).get("effective", 0)
            return {"metric": metric, "score": value, "rows": rows, "each": each if close(mean, value) else []}
    raise UserError(f"evaluate.lm_eval: {task} has no metric for which higher is better")


def by_question(task: str, results: Mapping[str, Any], name: str) -> Iterator[float]:
    """What each question of a task, or of a group's tasks, was worth in a metric."""
    metric, _, kind = name.partition(",")
    for leaf in leaves(task, results["group_subtasks"]):
        for sample in results["samples"].get(leaf, []):
            if sample["filter"] == kind and isinstance(sample.get(metric), float | int):
                yield float(sample[metric])


def leaves(task: str, subtasks: Mapping[str, list[str]]) -> list[str]:
    inner = subtasks.get(task, [])
    return [leaf for one in inner for leaf in leaves(one, subtasks)] if inner else [task]


def close(mean: float | None, score: float) -> bool:
    return mean is not None and abs(mean - score) < 1e-6


def compared(base: Mapping[str, Any], tuned: Mapping[str, Any]) -> dict[str, Any]:
    figures = {"metric": base["metric"], "rows": base["rows"], "base": base["score"], "tuned": tuned["score"]}
    if base["each"] and len(base["each"]) == len(tuned["each"]):
        questions = [str(place) for place in range(len(base["each"]))]
        interval = statistics.difference_interval(questions, base["each"], tuned["each"])
        figures |= interval._asdict() if interval else {}
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in figures.items()}
