"""Rows of a dataset."""


def row(instruction: str, output: str, extra: str = "", **more: object) -> dict:
    return {
        "pair_id": f"id-{instruction}",
        "chunk_id": "c",
        "instruction": instruction,
        "input": extra,
        "output": output,
        "evidence": output,
        "style": "lookup",
        "request_key": "",
        "fact_id": "f",
        "path": "page.md",
        "line_start": 3,
        "line_end": 4,
        **more,
    }
