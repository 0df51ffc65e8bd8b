"""The vendor's API, as the host asks it: with its key, and over its network."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import httpx2
from steer.errors import ConfigError, ErrorCategory, ProviderError, SteerError

from steer_claude_code.agent.asking import PROVIDER
from steer_claude_code.config import ClaudeCodeConfig
from steer_claude_code.models.failures import CannotSend, NotAccepted

__all__ = ["DEFAULT_BASE_URL", "Answering", "Destination", "Upstream"]

DEFAULT_BASE_URL = "https://api.anthropic.com"

_CONNECT_SECONDS = 30.0
_ERROR_BYTES = 1 << 20
"""How much is read of an answer that refuses a request."""
_EVENT_BYTES = 64 << 20
"""How large an event of a stream may be: one that holds a block of results is large."""

_PASSED_ON = ("anthropic-", "user-agent", "x-app", "x-stainless-", "x-claude-code-session-id")
"""How the names of those headers begin that say something of the CLI or the request."""
_WITHHELD = frozenset({"anthropic-dangerous-direct-browser-access"})


class Upstream:
    """Connections to providers, of one event loop; opened when they are first needed."""

    def __init__(self) -> None:
        self._client: httpx2.AsyncClient | None = None

    def to(self, config: ClaudeCodeConfig) -> Destination:
        """Return where an agent of this configuration asks its models."""
        return Destination(self._open, config)

    async def aclose(self) -> None:
        """Close all connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _open(self) -> httpx2.AsyncClient:
        if self._client is None:
            # How many requests there are at a time is for the gate to say.
            limits = httpx2.Limits(max_connections=None, max_keepalive_connections=20)
            self._client = httpx2.AsyncClient(limits=limits)
        return self._client


class Destination:
    """A provider's API with the key for it.

    Where the configuration has no base URL or no key, the environment of this process says it, at
    each request. ``timeout`` of the configuration is how many seconds the provider may be silent.
    """

    def __init__(
        self, open_client: Callable[[], httpx2.AsyncClient], config: ClaudeCodeConfig
    ) -> None:
        self._open = open_client
        self._base_url = config.base_url
        self._api_key = config.api_key
        connect = min(config.timeout, _CONNECT_SECONDS)
        self._timeout = httpx2.Timeout(config.timeout, connect=connect)

    @asynccontextmanager
    async def streaming(
        self, content: bytes, headers: Mapping[str, str]
    ) -> AsyncIterator[Answering]:
        """Send a request; yield its answer once that has begun.

        ``headers`` are the CLI's. Raises ``NotAccepted`` where the request was refused, what
        httpx2 raises, and ``CannotSend`` where there is no key or no such address.
        """
        try:
            target, key = self._target(), self._key()
        except SteerError as error:
            raise CannotSend(error) from error
        sent = {name: value for name, value in headers.items() if _is_passed_on(name)}
        sent |= {
            "x-api-key": key,
            "content-type": "application/json",
            "accept": "text/event-stream",
        }
        asking = self._open().stream(
            "POST", target, content=content, headers=sent, timeout=self._timeout
        )
        async with asking as response:
            if response.status_code != httpx2.codes.OK:
                raise NotAccepted(response, await _beginning(response))
            yield Answering(response)

    def _target(self) -> httpx2.URL:
        base = self._base_url or os.environ.get("ANTHROPIC_BASE_URL") or DEFAULT_BASE_URL
        try:
            url = httpx2.URL(f"{base.rstrip('/')}/v1/messages?beta=true")
        except httpx2.InvalidURL as error:
            raise _no_url(base) from error
        if url.scheme not in {"http", "https"} or not url.host:
            raise _no_url(base)
        return url

    def _key(self) -> str:
        given = self._api_key
        key = os.environ.get("ANTHROPIC_API_KEY") if given is None else given.get_secret_value()
        if not key:
            raise ProviderError(
                f"there is no API key for {PROVIDER}",
                category=ErrorCategory.AUTHENTICATION,
                provider=PROVIDER,
                fix="Set ANTHROPIC_API_KEY, or give the run an API key",
            )
        if not (key.isascii() and key.isprintable()) or key != key.strip():
            # It fits into no header, and what refuses it there would say all of it.
            raise ProviderError(
                f"the API key for {PROVIDER} holds a space, a line break or another character that"
                " no key has",
                category=ErrorCategory.AUTHENTICATION,
                provider=PROVIDER,
                fix="Give the key alone, without the end of a line",
            )
        return key


class Answering:
    """The answer to a request that the provider accepted."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response

    @property
    def request_id(self) -> str | None:
        """The provider's own name for the request."""
        value = self._response.headers.get("request-id")
        return None if value is None else str(value)

    async def events(self) -> AsyncGenerator[str, None]:
        """Yield the data of each event. Raises what httpx2 raises."""
        source = httpx2.EventSource(self._response, max_event_size=_EVENT_BYTES)
        async for event in source:
            yield event.data


async def _beginning(response: httpx2.Response) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) >= _ERROR_BYTES:
            break
    return bytes(content[:_ERROR_BYTES])


def _is_passed_on(name: str) -> bool:
    return name.startswith(_PASSED_ON) and name not in _WITHHELD


def _no_url(base: str) -> ConfigError:
    return ConfigError(
        f"claude-code: the base URL {base!r} is none",
        fix="Give one such as https://api.anthropic.com, without /v1",
    )
