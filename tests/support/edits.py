"""The table "edit → stale stages"."""

# What `dvc status` lists as changed when a file is edited: the stages that run it. What is behind them runs only when
# their outputs change.
EDITS = {
    "stages/common/schema/evaluate.py": [],
    "stages/common/base/errors.py": [],
    "stages/common/base/paths.py": [],
    "stages/common/base/timings.py": [],
    "stages/commands/why.py": [],
    "stages/commands/serve.py": [],
    "stages/ingest/dialects/tabs.py": ["ingest"],
    "stages/chunk/prose.py": ["chunk"],
    "stages/generate/extractive/phrasings.en.yaml": ["generate"],
    "stages/curate/judge.py": ["curate"],
    "stages/format/labels.py": ["format"],
    "stages/train/progress.py": ["train"],
    "stages/merge/exports/ollama.py": ["merge"],
    "stages/evaluate/answers.py": ["evaluate"],
    "stages/report/report.css": ["report"],
    "stages/common/markdown/blocks.py": ["ingest", "chunk", "generate"],
    "stages/common/text/wording.py": ["ingest", "chunk", "generate", "curate", "format", "evaluate"],
    "stages/common/text/tokens.py": ["chunk", "generate"],
    "stages/common/values/numbers.py": ["curate", "format", "evaluate"],
    "stages/common/rows/own_data.py": ["curate", "format"],
    "stages/common/llm/replies.py": ["generate", "curate", "evaluate"],
    "stages/common/chat/templates.py": ["format", "merge", "evaluate"],
    "stages/common/models/base/pretrained.py": ["format", "train", "merge", "evaluate"],
    "stages/common/models/tuned.py": ["merge", "evaluate"],
    "stages/common/exam/questions.py": ["curate", "evaluate"],
    "stages/merge/servers/vllm.py": ["merge"],
}
