"""params.yaml as frozen, validated sections: the classes, nothing else."""

from stages.common.schema.chunk import Chunk
from stages.common.schema.curate import Curate, Judge
from stages.common.schema.docs import Docs
from stages.common.schema.evaluate import AnswerJudge, Evaluate
from stages.common.schema.format import Audit, Format, Replay
from stages.common.schema.generate import Generate
from stages.common.schema.lora import Lora
from stages.common.schema.merge import Merge, MergeAudit
from stages.common.schema.model import Model
from stages.common.schema.scale import Scale
from stages.common.schema.section import Section
from stages.common.schema.train import Train

__all__ = [
    "AnswerJudge",
    "Audit",
    "Chunk",
    "Curate",
    "Docs",
    "Evaluate",
    "Format",
    "Generate",
    "Judge",
    "Lora",
    "Merge",
    "MergeAudit",
    "Model",
    "Params",
    "Replay",
    "Scale",
    "Train",
]


class Params(Section):
    """All of params.yaml; a stage takes its own section from it."""

    docs: Docs
    chunk: Chunk
    generate: Generate
    curate: Curate
    format: Format
    model: Model
    lora: Lora
    train: Train
    merge: Merge
    evaluate: Evaluate
    scale: Scale
