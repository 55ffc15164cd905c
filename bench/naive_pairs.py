"""The script that people write first: every chunk of a directory of Markdown as one task, all made up front.

Written from the description in the project's notes, as the baseline of bench/generation.py: os.walk, slices of 2,048
tokens, the SDK's defaults behind a semaphore, json_object, what goes wrong is printed and dropped, everything is
written at the end. Only paths, endpoint and the size of the semaphore are parameters.
Run: OPENAI_BASE_URL=... python -m bench.naive_pairs DIRECTORY OUT.jsonl --semaphore 10
"""

import argparse
import asyncio
import json
import os
import time
from typing import Any

import tiktoken
from openai import AsyncOpenAI
from tqdm.asyncio import tqdm

SYSTEM = "你是一个严格的数据标注助手，只输出 JSON。"
USER = """从下面的文本片段中提取 1 到 3 个核心知识点，每个知识点写成一条简洁、准确的数据。
输出 JSON 数组，每个元素包含 instruction、input、output 三个字段。

文本片段：
{text}
"""


def slices(directory: str) -> list[str]:
    encoding = tiktoken.get_encoding("cl100k_base")
    found = []
    for root, _, files in os.walk(directory):
        for name in files:
            if name.endswith(".md"):
                with open(os.path.join(root, name), encoding="utf-8") as file:  # noqa: PTH118, PTH123
                    tokens = encoding.encode(file.read(), disallowed_special=())
                found += [encoding.decode(tokens[at : at + 2048]) for at in range(0, len(tokens), 2048)]
    return found


async def ask(client: AsyncOpenAI, semaphore: asyncio.Semaphore, text: str) -> list[dict[str, Any]]:
    async with semaphore:
        try:
            response = await client.chat.completions.create(
                model="teacher",
                messages=[{"role": "system", "content": SYSTEM}, {"role": "user", "content": USER.format(text=text)}],
                response_format={"type": "json_object"},
                temperature=0.7,
            )
            value = json.loads(response.choices[0].message.content or "")
            rows = value.get("pairs", [value]) if isinstance(value, dict) else value
            return [row for row in rows if row.get("instruction") and row.get("output")]
        except Exception as error:
            print(f"failed: {error}")
            return []


async def run(texts: list[str], size: int) -> list[dict[str, Any]]:
    client = AsyncOpenAI(api_key="EMPTY")
    semaphore = asyncio.Semaphore(size)
    tasks = [asyncio.create_task(ask(client, semaphore, text)) for text in texts]
    answers = await tqdm.gather(*tasks, desc="total")
    return [row for rows in answers for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory")
    parser.add_argument("out")
    parser.add_argument("--semaphore", type=int, default=10)
    arguments = parser.parse_args()
    texts = slices(arguments.directory)
    wall, cpu = time.perf_counter(), time.process_time()
    rows = asyncio.run(run(texts, arguments.semaphore))
    with open(arguments.out, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    figures = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "pairs": len(rows)}
    print(json.dumps({**figures, "chunks": len(texts)}))


if __name__ == "__main__":
    main()
