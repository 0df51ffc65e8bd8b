"""Tokens that answer a question: whoever holds one may, and the store keeps only their digests."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from steer.errors import WrongToken

__all__ = ["action_of", "fits", "hash_of", "new_token"]

SECRET_BYTES = 32


def new_token(action_id: str) -> str:
    """Return a new token; it names its action, so that nothing else is needed to answer."""
    return f"{action_id}.{secrets.token_urlsafe(SECRET_BYTES)}"


def hash_of(token: str) -> str:
    """Return what is kept of a token. A fast digest will do: the secret has 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def fits(token: str, token_hash: str | None) -> bool:
    """Whether the token is the one that was given out, compared in constant time."""
    return token_hash is not None and hmac.compare_digest(hash_of(token), token_hash)


def action_of(token: str) -> str:
    """Return the id of the token's action. Raises ``WrongToken`` for what is no token."""
    action_id, dot, secret = token.partition(".")
    if not (action_id and dot and secret):
        raise WrongToken("this is no token of an action", fix="Give it as it was handed out")
    return action_id
