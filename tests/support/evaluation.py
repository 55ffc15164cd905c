"""Questions of an exam."""

from stages.evaluate.cells import Question


def question(output: str, instruction: str = "What is it?", path: str = "page.md", evidence: str = "") -> Question:
    row = {"pair_id": instruction, "chunk_id": "c", "instruction": instruction, "input": "", "output": output}
    row |= {"evidence": evidence or output, "path": path, "line_start": 1, "line_end": 1}
    return Question(row, None, [])
