"""The endpoints that OPENAI_BASE_URL or OPENAI_BASE_URLS and OPENAI_API_KEY name: checking them, and one call.

Address and key are no part of a request's key, so a stored answer is found again behind another address. Calls go
through aiohttp: the OpenAI SDK's typed requests and replies cost three times the CPU of a call (BENCHMARKS.md), and
its retries would hide what has to be seen here.
"""

import asyncio
import codecs
import json
import os
import time
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

import aiohttp
import pydantic_core

from stages.common.base.errors import ParamsError, UserError
from stages.common.llm.address import Address, addresses, certificates, require_model
from stages.common.llm.completion import NoCompletionError, Reply, as_text, error_in, from_events, to_reply
from stages.common.llm.faults import FaultError, clean, from_error, from_status
from stages.common.llm.headers import Limits, limits, retry_after
from stages.common.schema.connection import Connection

CONNECT_SECONDS = 10.0
CHECK_SECONDS = 30.0
LONGEST_SHOWN = 2000  # bytes of a body that is no JSON
# Idle connections are dropped before servers do it (uvicorn, and so vLLM: 5 s); otherwise a call now and then meets one
# that is just being closed.
IDLE_SECONDS = 4.0
SET_ASIDE_SECONDS = 5.0  # a server out of reach is left alone so long while there are others


class Server:
    """One of the addresses and how it does."""

    def __init__(self, address: Address, key: str) -> None:
        self.address, self.headers = address, address.headers(key)
        self.flight = 0
        self.away_until = 0.0  # on the monotonic clock
        self.excluded = False  # it refuses what the others accept


class Endpoint:
    """The servers that the environment names, asked in turns; `section` is their part of params.yaml. `say` shows the
    user a line."""

    def __init__(self, connection: Connection, section: str, say: Callable[[str], None] = print) -> None:
        require_model(connection, section)
        key = os.environ.get("OPENAI_API_KEY", "")
        if not key:
            raise UserError(
                "OPENAI_API_KEY is not set; export it (a local server accepts any value: export OPENAI_API_KEY=EMPTY)"
            )
        if not (key.isascii() and key.isprintable()):
            raise UserError("OPENAI_API_KEY contains a line break or a non-ASCII character; export it again")
        self.connection, self.section, self.say = connection, section, say
        self.servers = [Server(address, key) for address in addresses()]
        self.unlisted = ""  # what to say of the model should the endpoint not know it
        self.limits: Limits | None = None  # of the last reply
        self.session: aiohttp.ClientSession | None = None

    def address(self) -> str:
        return ", ".join(server.address.shown for server in self.servers)

    def open(self) -> aiohttp.ClientSession:
        if self.session is None:
            secure = any(server.address.secure for server in self.servers)
            connector = aiohttp.TCPConnector(
                limit=self.connection.concurrency + len(self.servers),
                keepalive_timeout=IDLE_SECONDS,
                ssl=certificates() if secure else True,
            )
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
            self.session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        return self.session

    async def close(self) -> None:
        if self.session:
            await self.session.close()

    async def check(self) -> None:
        """Raise a UserError when no server can be reached.

        A list of models is a courtesy: gateways answer for models that they do not list, some list none, and some do
        not let every key see them; whether key and model are good, the first request tells.
        """
        checked = await asyncio.gather(*map(self.listed, self.servers), return_exceptions=True)
        problems = [problem for problem in checked if isinstance(problem, BaseException)]
        for problem in problems:
            if not isinstance(problem, UserError):
                raise problem
        if len(problems) == len(self.servers):
            raise problems[0]
        for problem in problems:
            self.say(f"{self.section}: {problem}; continuing with the other addresses")
        served = sorted({name for names in checked if isinstance(names, list) for name in names})
        if served and self.connection.model not in served:
            alike = ", ".join(get_close_matches(self.connection.model, served) or served[:5])
            self.unlisted = (
                f"params.yaml: {self.connection.key_of_model(self.section)} = {self.connection.model!r}: the endpoint "
                f"serves {clean(alike)}"
            )

    async def listed(self, server: Server) -> list[str]:
        """The models that a server lists, if it lists any. Raises UserError when it cannot be reached."""
        url = server.address.url("models")
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                async with self.open().get(url, headers=server.headers, proxy=server.address.proxy) as response:
                    reply = json.loads(await response.read()) if response.status == 200 else {}
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError) as error:
            raise untrusted(server, error) from None
        except aiohttp.InvalidURL:
            raise UserError(
                f"OPENAI_BASE_URL = {server.address.shown} is not a valid address; export it again"
            ) from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise unreachable(server, error) from None
        except (aiohttp.ClientError, OSError, ValueError):  # TimeoutError is an OSError
            return []
        models = reply.get("data") if isinstance(reply, dict) else None
        return (
            [as_text(model.get("id")) for model in models if isinstance(model, dict)]
            if isinstance(models, list)
            else []
        )

    def choose(self) -> Server:
        """The least busy server of those that are within reach."""
        now = time.monotonic()
        well = [server for server in self.servers if not server.excluded]
        return min(well, key=lambda server: (max(0.0, server.away_until - now), server.flight))

    async def call(self, body: Callable[[str], Mapping[str, Any]]) -> Reply:
        """One completion; `body` makes the request's body for an address. Raises FaultError, RefusalError, UserError or
        ParamsError."""
        server = self.choose()
        server.flight += 1
        try:
            return await self.ask(server, body(server.address.shown))
        except FaultError as fault:
            if (fault.away or fault.kind == "connection") and len(self.servers) > 1:
                server.away_until = time.monotonic() + max(SET_ASIDE_SECONDS, fault.wait)
            raise
        except UserError as error:
            if all(other.excluded for other in self.servers if other is not server):
                raise
            if not server.excluded:
                server.excluded = True
                self.say(f"{self.section}: {server.address.shown}: {error}; continuing with the other addresses")
            raise FaultError("another address", str(error), tries=0.0) from None
        finally:
            server.flight -= 1

    async def ask(self, server: Server, body: Mapping[str, Any]) -> Reply:
        url = server.address.url("chat/completions")
        try:
            async with (
                asyncio.timeout(self.connection.timeout),
                self.open().post(
                    url, data=encoded(body), headers=server.headers, proxy=server.address.proxy, allow_redirects=False
                ) as response,
            ):
                content = await response.read()
        except aiohttp.ConnectionTimeoutError as error:
            raise FaultError("connection", clean(str(error)), away=True) from None
        except TimeoutError:
            raise FaultError("timeout", overloaded=True) from None
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError) as error:
            raise untrusted(server, error) from None
        except aiohttp.ClientConnectorError as error:
            raise FaultError("connection", clean(str(error).replace(" ssl:default", "")), away=True) from None
        except aiohttp.ClientHttpProxyError as error:
            raise UserError(f"the proxy {server.address.shown_proxy()} answers with status {error.status}") from None
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise FaultError("connection", clean(f"{type(error).__name__}: {error}")) from None
        self.limits = limits(response.headers)
        if not 200 <= response.status < 300:
            raise self.meaning(server, response.status, content, response.headers)
        return self.reply(content)

    def meaning(self, server: Server, status: int, content: bytes, headers: Mapping[str, str]) -> Exception:
        """What a status other than 200 comes to."""
        if 300 <= status < 400:
            where = headers.get("location", "another address").partition("?")[0]
            return UserError(f"{server.address.shown} redirects to {where}; export OPENAI_BASE_URL accordingly")
        code, message = error_in(content)
        if status == 404 and self.unlisted:
            return ParamsError(self.unlisted)
        if status in (401, 403, 407) and "<html" in message.lower():
            return UserError(
                f"{server.address.shown} answers with a page, not with JSON ({clean(message)}): a proxy, a firewall or "
                "a login page is in the way; make sure that requests get through to the endpoint"
            )
        meaning = from_status(status, code, message or f"status {status}", retry_after(headers))
        if status == 404 and not server.address.path.rstrip("/").endswith(("v1", "openai", "v2", "v3", "v4")):
            return UserError(f"{meaning}; does {server.address.shown} lack /v1 at its end?")
        return meaning

    def reply(self, content: bytes) -> Reply:
        try:
            return to_reply(completion(content))
        except NoCompletionError as error:
            raise from_error(error.error) if error.error else FaultError("no completion", clean(str(error))) from None
        except ValueError as error:
            begins = content[:LONGEST_SHOWN].decode(errors="replace").strip() or str(error)
            raise FaultError("no completion", clean(f"the reply is not JSON: {begins}")) from None


def encoded(body: Mapping[str, Any]) -> bytes:
    try:
        return pydantic_core.to_json(body)
    except ValueError:  # half of a surrogate pair, which pages may hold
        return json.dumps(body).encode()


def completion(content: bytes) -> Any:
    """The JSON value of a body. Raises ValueError."""
    content = content.removeprefix(codecs.BOM_UTF8).lstrip()
    if content.startswith((b"data:", b"event:", b":")):
        return from_events(content.decode(errors="replace"))
    return pydantic_core.from_json(content)


def untrusted(server: Server, error: Exception) -> UserError:
    return UserError(
        f"the certificate of {server.address.shown} is not trusted ({clean(str(error))}); for a private authority type "
        "export SSL_CERT_FILE=FILE.pem"
    )


def unreachable(server: Server, error: Exception) -> UserError:
    through = f" through the proxy {server.address.shown_proxy()}" if server.address.proxy else ""
    where = "start the server or correct OPENAI_BASE_URL"
    return UserError(f"the endpoint at {server.address.shown} cannot be reached{through}; {where}")
