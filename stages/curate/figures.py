"""The figures of reports/curate.json."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from stages.common.base.errors import UserError
from stages.common.rows.rows import Rejection
from stages.curate.dataset import facts
from stages.curate.split import Parts


class Rejected:
    """Rejections counted: `by_check`, and by style and check; rows of one's own have no style that is told."""

    def __init__(self, rejected: Iterable[Rejection]) -> None:
        self.by_style = Counter((str(row.get("style", "")), row["check"]) for row in rejected)
        self.by_check = Counter[str]()
        for (_, check), count in self.by_style.items():
            self.by_check[check] += count


def report(read: int, rejected: Rejected, masked: Counter[str], parts: Parts) -> dict[str, Any]:
    kept, lost = sum(map(len, parts.values())), rejected.by_check.total()
    if kept + lost != read:
        raise AssertionError(f"{read} pairs read, but {kept} kept and {lost} rejected")
    return {
        "pairs": read,
        "kept": kept,
        "rejected": lost,
        "rejected_by": dict(sorted(rejected.by_check.items())),
        "by_style": by_style(parts, rejected),
        "private": dict(sorted(masked.items())),
        **{name: len(rows) for name, rows in parts.items()},
        "facts_trained": facts(parts["train"]),
    }


def nothing_to_train_on(read: int, chunks: int, rejected_by: dict[str, int]) -> UserError:
    if not read:
        return UserError(
            f"generate made no pair from {chunks} chunks, so there is nothing to train on; `doclore try` shows what is "
            "read of your pages"
        )
    checks = ", ".join(f"{check} {count}" for check, count in rejected_by.items())
    return UserError(
        f"no pair is left to train on ({read} read, rejected by {checks}); relax the limits under curate in "
        "params.yaml, or add documentation"
    )


def by_style(parts: Parts, rejected: Rejected) -> dict[str, dict[str, Any]]:
    """Pairs kept, and rejected by each check, for each kind of question; rows of one's own have none."""
    kept = Counter(str(row.get("style", "")) for rows in parts.values() for row in rows)
    lost = rejected.by_style
    return {
        style: {
            "kept": kept[style],
            "rejected_by": {check: n for (of, check), n in sorted(lost.items()) if of == style},
        }
        for style in sorted({*kept, *(style for style, _ in lost)} - {""})
    }
