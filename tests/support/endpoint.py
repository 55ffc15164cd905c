"""A fake OpenAI-compatible server."""

import json
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class CrowdServer(ThreadingHTTPServer):
    """A server for clients that come in crowds and may leave before their answer."""

    request_queue_size = 128  # with the standard five, a sixth that connects at the same moment waits a second

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class FakeEndpoint:
    """An OpenAI-compatible server. `reply(body)` gives a message's text, a status code to fail with, None to close the
    connection, or a dict of what differs: status, headers, error (a message), content, message (more of its fields),
    finish_reason, refusal, usage, raw."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[dict] = []
        self.paths: list[str] = []  # of the requests, queries included
        self.models = ["teacher"]
        self.models_status = 200
        self.key = ""
        self.reply: Callable[[dict], str | int | dict | None] = lambda body: json.dumps({"pairs": []})
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if outer.key and self.headers.get("Authorization") != f"Bearer {outer.key}":
                    return self.send({"error": {"message": "bad key"}}, 401)
                if outer.models_status != 200:
                    return self.send({"error": {"message": "busy"}}, outer.models_status)
                return self.send({"object": "list", "data": [{"id": m, "object": "model"} for m in outer.models]})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if outer.key and self.headers.get("Authorization") != f"Bearer {outer.key}":
                    return self.send({"error": {"message": "bad key"}}, 401)
                outer.requests.append(body)
                outer.paths.append(self.path)
                answer = outer.reply(body)
                if answer is None:
                    self.close_connection = True
                    return self.connection.shutdown(socket.SHUT_RDWR)
                if isinstance(answer, int):
                    answer = {"status": answer}
                odd = {"content": answer} if isinstance(answer, str) else answer
                status, headers = odd.get("status", 200), odd.get("headers", {})
                if "raw" in odd:
                    return self.send(odd["raw"], status, headers)
                if status != 200:
                    return self.send({"error": {"message": odd.get("error", "planned failure")}}, status, headers)
                message = {"role": "assistant", "content": odd.get("content"), "refusal": odd.get("refusal")}
                message |= odd.get("message", {})
                usage = odd.get("usage", {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10})
                choice = {"index": 0, "message": message, "finish_reason": odd.get("finish_reason", "stop")}
                completion = {"id": "x", "object": "chat.completion", "choices": [choice], "usage": usage}
                return self.send(completion, headers=headers)

            def send(self, value: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
                data = value if isinstance(value, bytes) else json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                for name, text in (headers or {}).items():
                    self.send_header(name, text)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                pass

        self.server = CrowdServer(("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server.server_port}/v1"
