"""Addresses of endpoints out of the environment: what is wrong with one is said before anything is sent."""

import os
import re
import ssl
import urllib.request
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from stages.common.base.errors import ParamsError, UserError
from stages.common.schema.connection import Connection

HOSTS_OF_AZURE = (".azure.com", ".azure-api.net", ".azure.us", ".azure.cn")
LOOPBACK = re.compile(r"localhost|127\.[\d.]+|::1")


class Address(NamedTuple):
    """A base address. `shown` is what errors say: it holds no query; `proxy` what calls go through, if anything."""

    base: str
    query: str
    proxy: str | None

    @property
    def shown(self) -> str:
        return self.base

    @property
    def secure(self) -> bool:
        return self.base.startswith("https:")

    @property
    def path(self) -> str:
        return urlsplit(self.base).path

    def url(self, word: str) -> str:
        return f"{self.base}/{word}{'?' if self.query else ''}{self.query}"

    def headers(self, key: str) -> dict[str, str]:
        more = {"api-key": key} if (urlsplit(self.base).hostname or "").endswith(HOSTS_OF_AZURE) else {}
        return {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "Accept": "application/json",
            **more,
        }

    def shown_proxy(self) -> str:
        """The proxy without a user's name and password."""
        parts = urlsplit(self.proxy or "")
        return f"{parts.scheme}://{parts.hostname}:{parts.port}" if parts.port else f"{parts.scheme}://{parts.hostname}"


def require_model(connection: Connection, section: str) -> None:
    """Raise ParamsError when a section that asks an endpoint names no model."""
    if not connection.model:
        raise ParamsError(
            f"params.yaml: {connection.key_of_model(section)} = '': accepted is a model id that the endpoint serves"
        )


def addresses() -> list[Address]:
    """The addresses that OPENAI_BASE_URLS names, or OPENAI_BASE_URL. Raises UserError."""
    several = os.environ.get("OPENAI_BASE_URLS", "")
    name = "OPENAI_BASE_URLS" if several.strip() else "OPENAI_BASE_URL"
    texts = re.split(r"[,\s]+", several.strip()) if several.strip() else [os.environ.get(name, "").strip()]
    if not any(texts):
        raise UserError(
            "OPENAI_BASE_URL is not set, so nothing is sent; export the endpoint's address, such as "
            "http://localhost:8000/v1 or https://api.openai.com/v1"
        )
    return [address(text, name) for text in dict.fromkeys(filter(None, texts))]


def address(text: str, name: str) -> Address:
    """An address from its text. What may be a secret is not repeated in errors. Raises UserError."""
    if "@" in text:
        raise UserError(f"{name} holds a user name or password, which cannot be combined with a key; export it without")
    base, _, query = text.partition("?")
    if "#" in text or not re.fullmatch(r"(?:api-version=[\w.-]+)?", query):
        raise UserError(
            f"{name} holds a query or fragment other than Azure's ?api-version=…; export it without: a key goes into "
            "OPENAI_API_KEY"
        )
    base = re.sub(r"(?:/chat/completions|/completions|/models)?/*$", "", base)
    try:
        parts = urlsplit(base)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        known = False
    if not known:
        raise UserError(f"{name} = {base}: accepted is an address such as http://localhost:8000/v1; export it again")
    return Address(base, query, proxy(parts.scheme, parts.hostname or ""))


def proxy(scheme: str, host: str) -> str | None:
    """What HTTP_PROXY, HTTPS_PROXY and NO_PROXY say; this machine is never asked through a proxy."""
    proxies = urllib.request.getproxies()
    address = proxies.get(scheme) or proxies.get("all")
    if not address or LOOPBACK.fullmatch(host) or urllib.request.proxy_bypass(host):
        return None
    if not address.startswith(("http://", "https://")):
        raise UserError(
            f"the proxy {address.partition('@')[2] or address} is not an HTTP proxy; set {scheme.upper()}_PROXY to one"
        )
    return address


def certificates() -> ssl.SSLContext:
    """The authorities that are trusted: those of the machine and certifi's, and private ones where variables name
    them."""
    import certifi

    names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    context = ssl.create_default_context()
    for file in filter(None, (certifi.where(), *(os.environ.get(name) for name in names))):
        try:
            context.load_verify_locations(**{"capath" if Path(file).is_dir() else "cafile": file})
        except (OSError, ssl.SSLError) as error:
            raise UserError(f"{file}: {error}; it must contain certificates in PEM format") from None
    return context
