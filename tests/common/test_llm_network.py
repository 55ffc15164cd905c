"""What stands between us and an endpoint: a proxy, a private authority, a gateway's path and query."""

import base64
import socket
import ssl
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme

from stages.common.base.errors import UserError
from support.asking import GOOD, complete, request, stored
from support.endpoint import FakeEndpoint

HOST = "models.example"  # resolved by nobody: what reaches it went through the proxy


class Proxy:
    """An HTTP proxy that takes every host for the server on one port of this machine; `seen` holds what it was asked,
    each with the user and password that came along."""

    def __init__(self, port: int) -> None:
        self.seen: list[tuple[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def forward(self) -> None:
                outer.note(self)
                path = self.path.removeprefix(f"http://{HOST}")
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
                headers = {"Content-Type": "application/json", "Authorization": self.headers["Authorization"]}
                server = HTTPConnection("127.0.0.1", port)
                server.request(self.command, path, body, headers)
                data = server.getresponse().read()
                server.close()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = forward  # noqa: N815

            def do_CONNECT(self) -> None:
                outer.note(self)
                self.send_response(200)
                self.end_headers()
                with socket.create_connection(("127.0.0.1", port)) as there:
                    back = threading.Thread(target=pump, args=(there, self.connection), daemon=True)
                    back.start()
                    pump(self.connection, there)
                    back.join()
                self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://lamp:secret@127.0.0.1:{self.server.server_port}"

    def note(self, handler: BaseHTTPRequestHandler) -> None:
        words = handler.headers.get("Proxy-Authorization", "").partition(" ")[2]
        self.seen.append((f"{handler.command} {handler.path}", base64.b64decode(words).decode()))


def pump(source: socket.socket, target: socket.socket) -> None:
    """Hand on what one side sends until it ends."""
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(authority, endpoint, monkeypatch) -> Iterator[FakeEndpoint]:
    """A server whose certificate is from a private authority; the environment points to it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", HOST).configure_cert(context)
    fake = FakeEndpoint(context)
    fake.reply = lambda body: GOOD
    monkeypatch.setenv("OPENAI_BASE_URL", fake.url)
    yield fake
    fake.server.shutdown()
    fake.server.server_close()


@pytest.fixture
def through(endpoint, monkeypatch):
    """Make calls to HOST go through a proxy that leads to a server."""
    proxies = []

    def make(server: FakeEndpoint, scheme: str) -> Proxy:
        proxies.append(Proxy(server.server.server_port))
        monkeypatch.setenv(f"{scheme.upper()}_PROXY", proxies[0].url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.setenv("OPENAI_BASE_URL", f"{scheme}://{HOST}/v1")
        return proxies[0]

    yield make
    for proxy in proxies:
        proxy.server.shutdown()
        proxy.server.server_close()


def test_calls_go_through_the_proxy_of_the_environment_with_its_password(endpoint, through):
    endpoint.reply = lambda body: GOOD
    proxy = through(endpoint, "http")
    assert complete([request(0)]).answered == 1
    assert proxy.seen[-1] == (f"POST http://{HOST}/v1/chat/completions", "lamp:secret")
    assert stored() == (GOOD, "")


def test_a_secure_endpoint_is_reached_through_a_tunnel(secure, authority, through, monkeypatch, tmp_path):
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    proxy = through(secure, "https")
    assert complete([request(0)]).answered == 1
    assert set(proxy.seen) == {(f"CONNECT {HOST}:443", "lamp:secret")}


def test_a_proxy_that_cannot_be_reached_is_told_without_its_password(endpoint, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://lamp:secret@127.0.0.1:9")
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://{HOST}/v1")
    with pytest.raises(UserError, match=r"cannot be reached through the proxy http://127\.0\.0\.1:9;") as caught:
        complete([request(0)])
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_private_authority_is_trusted_where_a_variable_names_it_and_nowhere_else(
    secure, authority, monkeypatch, tmp_path, name
):
    with pytest.raises(UserError, match=r"certificate of https://.* is not trusted .*export SSL_CERT_FILE=FILE\.pem"):
        complete([request(0)])
    assert not secure.requests
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv(name, str(tmp_path / "ca.pem"))
    assert complete([request(0)]).answered == 1


def test_a_file_that_holds_no_certificates_is_one_line(secure, monkeypatch, tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with pytest.raises(UserError, match="must contain certificates in PEM format"):
        complete([request(0)])


def test_the_version_in_an_address_of_azure_goes_along_with_each_call(endpoint, monkeypatch):
    endpoint.reply = lambda body: GOOD
    base = endpoint.url.removesuffix("/v1")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{base}/openai/deployments/lamp?api-version=2026-01-01")
    assert complete([request(n) for n in range(2)]).answered == 2
    assert set(endpoint.paths) == {"/openai/deployments/lamp/chat/completions?api-version=2026-01-01"}
