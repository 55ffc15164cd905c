"""Words that meet damaged weights, other processes' kills and odd names: teacher and promote."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bench.asking_runs import ROOT, prepare
from bench.torture.experiments import typed
from bench.torture.tools import Trial, begin, end, gone, stored, workspace

MOST_SECONDS = 60.0  # until a teacher answers or refuses
PROMPTS = 6
DOCLORE = "stages.commands.main"


def weights() -> bytes:
    from stages.common.models.base.embedded import embedded_file

    return embedded_file().read_bytes()


def damaged(whole: bytes, chance: random.Random) -> Iterator[tuple[str, bytes]]:
    """The embedded model's weights, cut off, with other bytes in its header, and what is no such file."""
    yield from (("empty", b""), ("text", b"# Lamps\n"), ("begin", b"GGUF"), ("zeros", b"GGUF" + bytes(1_000)))
    yield "many", whole[:8] + b"\xff" * 16 + whole[24:]  # counts of tensors and keys that no memory holds
    for share in (0.001, 0.5, 0.999):
        yield f"cut{share}", whole[: int(len(whole) * share)]
    for number in range(8):
        flipped = bytearray(whole)
        for _ in range(8):
            flipped[chance.randrange(8, 2_000)] ^= 1 << chance.randrange(8)
        yield f"flipped{number}", bytes(flipped)


def outcome(file: Path) -> str:
    """What a teacher of that file comes to; empty where it serves, or ends with a line that says why not."""
    process = begin(DOCLORE, "teacher", str(file), "--context", "512", "--slots", "1", stderr=subprocess.STDOUT)
    assert process.stdout
    lines, begun = [], time.monotonic()
    while line := process.stdout.readline():
        lines.append(line)
        if "teacher:" in line or time.monotonic() - begun > MOST_SECONDS:
            break
    process.kill()
    code = process.wait()
    said = "".join(lines)
    if "teacher:" in said or (code in (1, 2) and lines[-1].startswith("doclore:") and "Traceback" not in said):
        return ""
    return f"{file.name}: {code} {lines[-1].strip()[:100] if lines else 'nothing said'}"


def teacher(chunks: int, chance: random.Random) -> Iterator[Trial]:
    """Weights that are damaged; then a teacher that is killed while it answers, and another in its place."""
    whole = weights()
    with workspace():
        failed, times = [], 0
        for name, data in damaged(whole, chance):
            Path(f"{name}.gguf").write_bytes(data)
            failed += [said] if (said := outcome(Path(f"{name}.gguf"))) else []
            times += 1
            Path(f"{name}.gguf").unlink()
        yield Trial(
            "`doclore teacher` on damaged weights", times, "lines that say so", times, len(failed), "; ".join(failed)
        )
    with workspace() as directory:
        prepare(directory, PROMPTS, 1, max_failed=1.0, max_outage=5, max_tokens=200, pairs_per_chunk=1)
        Path("teacher.gguf").write_bytes(whole)
        lost, seen = 0, {}
        for killed in (True, False):
            server = answering(directory)
            process = begin("stages.generate")
            if killed:
                while not stored() and process.poll() is None:
                    time.sleep(0.2)
                seen = stored()
                server.kill()
            output, _ = process.communicate()
            lost += ("Traceback" in output) + gone(seen)
            server.send_signal(signal.SIGINT)
            server.communicate()
        detail = f"{len(stored())} of {PROMPTS} passages answered in the end"
        yield Trial("`doclore teacher` killed while it answers", 1, "stored answers", len(seen), lost, detail)


def answering(directory: Path) -> "subprocess.Popen[str]":
    """A teacher that answers; its address and key stand in the environment."""
    server = begin(DOCLORE, "teacher", "teacher.gguf", "--slots", "1", "--threads", "2", stderr=subprocess.DEVNULL)
    assert server.stdout
    for _ in range(2):
        name, _, value = server.stdout.readline().removeprefix("export ").strip().partition("=")
        os.environ[name] = value
    return server


PASSED = {
    "headline": {"gap_recovery": 0.8},
    "gate": {"passed": True, "reasons": []},
    "eval_seen": {"tuned_minus_base": {"key_values": 0.6}},
}
VERSIONS = (
    "", "-d", "--force", "1.0", "v1", "v1.0.0;touch hacked", "$(touch hacked)", "../../hacked", "v1.0.0\nv2.0.0",
    "v1.0.0@{0}", "HEAD", "版本一", "v0.0.0-rc.1", "v9" + "9" * 300 + ".0.0", "model@v1.0.0", "\x1b[2J", "v1.2.3 ",
)  # fmt: skip
TAGS = (
    "model@v1", "model@vx.y.z", "model@v0.9.0!1", "model@v0.9.0#dev", "model@v0.9.0#dev!2", "model@deprecated",
    "model@", "@v1.0.0", "model@v99999999999999999999.0.0", "灯@v1.0.0", "v0.1.0", "model@v1.0.0-rc.1+build",
    "other@v3.0.0",
)  # fmt: skip


def promote(chunks: int, chance: random.Random) -> Iterator[Trial]:
    """Versions with odd names, then a repository that has odd tags already."""
    with workspace():
        committed()
        failed, before = [], tags()
        for version in VERSIONS:
            code, output = end(DOCLORE, "promote", f"--version={version}")
            failed += wrong(f"--version={version}", code, output, before)
            before = tags()
        for tag in TAGS:
            typed("git", "commit", "--quiet", "--allow-empty", "--message", "more")
            made, _ = typed("git", "tag", "--annotate", "--message", "odd", tag)
            before = tags()
            if made == 0:
                code, output = end(DOCLORE, "promote")
                failed += wrong(f"beside {tag}", code, output, before)
        left = [name for name in ("hacked", "../hacked", "../../hacked") if Path(name).exists()]
        times = len(VERSIONS) + len(TAGS)
        yield Trial("`doclore promote` with odd versions and tags", times, "tags", len(tags()), len(failed) + len(left),
                    "; ".join(failed + left))  # fmt: skip


def wrong(name: str, code: int, output: str, before: set[str]) -> list[str]:
    """What is wrong with an outcome: a tag that went, an odd one that came, an error that is not one line."""
    came = tags() - before
    odd = [tag for tag in came if not tag.startswith("model@v") or not tag.isprintable() or " " in tag]
    lines = output.strip().splitlines()
    silent = bool(code) and not (lines and "doclore" in lines[-1])
    if before - tags() or odd or silent or "Traceback" in output or "\x1b[2J" in output or (code == 0) != bool(came):
        return [f"{name!r}: {code} {lines[-1][:100] if lines else ''} {sorted(came)}"]
    return []


def tags() -> set[str]:
    return set(typed("git", "tag", "--list")[1].splitlines())


def committed() -> None:
    """A Git and DVC repository whose evaluation passed and is committed."""
    for who in ("AUTHOR", "COMMITTER"):
        os.environ |= {f"GIT_{who}_NAME": "torture", f"GIT_{who}_EMAIL": "torture@example.org"}
    typed("git", "init", "--quiet", "--initial-branch=main")
    typed("dvc", "init", "--quiet")
    Path("source.json").write_text(json.dumps(PASSED), "utf-8")
    shutil.copyfile(ROOT / "params.yaml", "params.yaml")
    stage = {"cmd": "mkdir -p reports && cp source.json reports/evaluate.json", "deps": ["source.json"]}
    Path("dvc.yaml").write_text(json.dumps({"stages": {"evaluate": stage | {"metrics": ["reports/evaluate.json"]}}}))
    typed("dvc", "repro", "--quiet")
    typed("git", "add", "--all")
    typed("git", "commit", "--quiet", "--message", "measured")
