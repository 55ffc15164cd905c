"""An OpenAI-compatible server for benchmarks and torture: fixed latency, planned faults, counts of what it saw.

It speaks just enough HTTP/1.1 to cost little CPU beside the client that is measured. The answer depends on the first
user message alone, so that every run that loses nothing ends with the same pairs.
Run: python -m bench.endpoint --latency 0.2 --faults 0.05 (prints its address; GET /stats tells the counts)
"""

import argparse
import asyncio
import hashlib
import json
import random
from collections import Counter
from typing import Any

KINDS = ("429", "500", "503", "reset", "slow", "malformed", "truncated", "fenced", "empty", "refusal")
SLOW_SECONDS = 3600.0  # longer than any client waits
PAIRS = 3


def pairs(question: str) -> list[dict[str, str]]:
    """Three pairs of some 300 bytes each."""
    token = hashlib.sha256(question.encode()).hexdigest()
    return [
        {
            "instruction": f"What is the setting {token[n : n + 12]} of the converter station for?",
            "input": "",
            "output": f"It limits the current of branch {token[n + 12 : n + 24]} to {int(token[n], 16) + 1} kA. " * 2,
            "evidence": f"{token[n : n + 12]} | limits the current | {int(token[n], 16) + 1} kA",
        }
        for n in range(PAIRS)
    ]


def completion(text: str | None, finish: str = "stop", refusal: str | None = None) -> bytes:
    """The body of a reply."""
    message = {"role": "assistant", "content": text, "refusal": refusal}
    usage = {"prompt_tokens": 800, "completion_tokens": 250, "total_tokens": 1050}
    choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
    value = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "teacher", "choices": [choice]}
    return json.dumps({**value, "usage": usage}).encode()


class Server:
    """What is asked of the server and what it did."""

    def __init__(self, latency: float, faults: float, seed: int) -> None:
        self.latency, self.faults = latency, faults
        self.random = random.Random(seed)
        self.planned: list[str] = []
        self.counts: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()  # requests by question
        self.flight = self.peak = 0

    def fault(self) -> str:
        """The fault of the next request, or nothing. Kinds take turns so that each is as frequent as the others."""
        if self.random.random() >= self.faults:
            return ""
        if not self.planned:
            self.planned = self.random.sample(KINDS, len(KINDS))
        return self.planned.pop()

    def reply(self, question: str, fault: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        text = json.dumps({"pairs": pairs(question)})
        if fault in ("429", "500", "503"):
            headers = {"Retry-After": "1"} if fault == "429" else {}
            return int(fault), headers, b'{"error": {"message": "planned fault", "code": null}}'
        if fault == "malformed":
            return 200, {}, completion("The passage has three facts, all of them about converters.")
        if fault == "truncated":
            return 200, {}, completion(text[: len(text) // 2], "length")
        if fault == "fenced":
            return 200, {}, completion(f"<think>Three facts.</think>Sure:\n```json\n{text}\n```\nAnything else?")
        if fault == "empty":
            return 200, {}, completion("")
        if fault == "refusal":
            return 200, {}, completion(None, "stop", "I cannot help with that.")
        return 200, {}, completion(text)

    def stats(self) -> dict[str, Any]:
        repeated = sum(count - 1 for count in self.asked.values())
        return {**self.counts, "questions": len(self.asked), "repeated": repeated, "peak": self.peak}


class Connection(asyncio.Protocol):
    """One client connection: requests one after the other, as keep-alive has it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self.buffer[:end]).lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self.buffer) >= end + 4 + length:
            body = bytes(self.buffer[end + 4 : end + 4 + length])
            del self.buffer[: end + 4 + length]
            self.serve(head.split(b" ", 2)[1].decode(), body)

    def serve(self, path: str, body: bytes) -> None:
        if path.endswith("/models"):
            self.send(200, {}, b'{"object": "list", "data": [{"id": "teacher", "object": "model"}]}')
        elif path.endswith("/stats"):
            self.send(200, {}, json.dumps(self.server.stats()).encode())
        else:
            self.ask(body)

    def ask(self, body: bytes) -> None:
        server = self.server
        question = next(m["content"] for m in json.loads(body)["messages"] if m["role"] == "user")
        fault = server.fault()
        server.counts["requests"] += 1
        server.asked[hashlib.sha256(question.encode()).hexdigest()] += 1
        if fault:
            server.counts["faults"] += 1
            server.counts[fault] += 1
        server.flight += 1
        server.peak = max(server.peak, server.flight)
        delay = SLOW_SECONDS if fault == "slow" else server.latency
        asyncio.get_running_loop().call_later(delay, self.answer, question, fault)

    def answer(self, question: str, fault: str) -> None:
        self.server.flight -= 1
        if self.transport.is_closing():
            return
        if fault == "reset":
            self.transport.abort()
            return
        self.server.counts["answered"] += 1
        self.send(*self.server.reply(question, fault))

    def send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.transport.write(f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + body)


async def serve(server: Server, port: int) -> None:
    """Serve until killed; the address is the first line on stdout."""
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(lambda: Connection(server), "127.0.0.1", port, backlog=4096)
    print(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1", flush=True)
    await listener.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds until an answer")
    parser.add_argument("--faults", type=float, default=0.0, help="share of the requests that go wrong")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    asyncio.run(serve(Server(arguments.latency, arguments.faults, arguments.seed), arguments.port))


if __name__ == "__main__":
    main()
