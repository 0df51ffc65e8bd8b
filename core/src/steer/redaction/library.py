"""Secrets whose form is known: those of detect-secrets, and what it has no extent or name for."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from steer.errors import ConfigError
from steer.naming import did_you_mean
from steer.redaction.expressions import Shape, shape_of

__all__ = ["EXTRA_HINT", "extra_module", "library_shapes", "pattern_names"]

ALL = "secrets"

EXTRA_HINT = "Install it: python -m pip install detect-secrets google-re2"

# By our name: the module of detect-secrets' plugins, and the detector in it. Not taken are those
# that guess from entropy, from the beginning of a word or from a variable's name, and public
# addresses: they find far more than secrets in what a model says.
_DETECTORS: Mapping[str, tuple[str, str]] = {
    "aws-key": ("aws", "AWSKeyDetector"),
    "azure-storage-key": ("azure_storage_key", "AzureStorageKeyDetector"),
    "basic-auth": ("basic_auth", "BasicAuthDetector"),
    "cloudant-key": ("cloudant", "CloudantDetector"),
    "discord-token": ("discord", "DiscordBotTokenDetector"),
    "github-token": ("github_token", "GitHubTokenDetector"),
    "gitlab-token": ("gitlab_token", "GitLabTokenDetector"),
    "ibm-cloud-key": ("ibm_cloud_iam", "IbmCloudIamDetector"),
    "ibm-cos-key": ("ibm_cos_hmac", "IbmCosHmacDetector"),
    "jwt": ("jwt", "JwtTokenDetector"),
    "mailchimp-key": ("mailchimp", "MailchimpDetector"),
    "npm-token": ("npm", "NpmDetector"),
    "openai-key": ("openai", "OpenAIDetector"),
    "pypi-token": ("pypi_token", "PypiTokenDetector"),
    "sendgrid-key": ("sendgrid", "SendGridDetector"),
    "slack-token": ("slack", "SlackDetector"),
    "softlayer-key": ("softlayer", "SoftlayerDetector"),
    "square-secret": ("square_oauth", "SquareOAuthDetector"),
    "stripe-key": ("stripe", "StripeDetector"),
    "telegram-token": ("telegram_token", "TelegramBotTokenDetector"),
    "twilio-key": ("twilio", "TwilioKeyDetector"),
}

# detect-secrets finds lines, so of a private key it knows the heading only; the rest is what
# vendors write of their own tokens.
_OWN: Mapping[str, tuple[str, ...]] = {
    "anthropic-key": (r"sk-ant-[A-Za-z0-9_-]{20,}",),
    "artifactory-key": (r"AKCp[A-Za-z0-9]{69}",),
    "bearer-token": (r"(?i:bearer)[ ]+[A-Za-z0-9._~+/-]{16,}=*",),
    "github-token": (r"github_pat_[A-Za-z0-9_]{22,}",),
    "npm-token": (r"npm_[A-Za-z0-9]{36}",),
    # Up to its last line, or to the end of the text where that is missing or has no sure form.
    "private-key": (
        (
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z0-9 ]*-----"
            r"(?:[^-]|-{1,4}[^-])*(?:-----END [A-Z0-9 ]*-----)?"
        ),
        r"(?s)PuTTY-User-Key-File-[0-9].*",
    ),
}


def pattern_names(chosen: Iterable[str]) -> tuple[str, ...]:
    """Return the single patterns that are chosen, sorted; ``ConfigError`` for an unknown name."""
    known = sorted({*_DETECTORS, *_OWN})
    names: set[str] = set()
    for name in chosen:
        if name != ALL and name not in known:
            raise ConfigError(
                f"there is no pattern of redaction called {name!r}",
                fix=did_you_mean(name, (ALL, *known)) or f"There are {ALL}, {', '.join(known)}",
            )
        names.update(known if name == ALL else [name])
    return tuple(sorted(names))


def library_shapes(chosen: Iterable[str]) -> Iterator[tuple[str, Shape]]:
    """Yield the expressions of the chosen patterns, by name.

    What they ask of the text around a secret is left out: they were written for whole lines of
    source code. Raises ``ConfigError`` where the extra is not installed.
    """
    for name in pattern_names(chosen):
        if name in _DETECTORS:
            module, detector = _DETECTORS[name]
            found = extra_module(f"detect_secrets.plugins.{module}", f"the pattern {name}")
            for pattern in getattr(found, detector).denylist:
                # An address before it would hold back each line with a link in it.
                text = pattern.pattern.removeprefix(r"\/\/.+\/")
                yield name, shape_of(text, pattern.flags, context=True)
        for text in _OWN.get(name, ()):
            yield name, shape_of(text)


def extra_module(name: str, what: str) -> Any:
    """Import a module of the extra ``redaction``; ``ConfigError`` where it is not there."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"redaction: {what} needs the extra steer[redaction], which is not installed ({error})",
            fix=EXTRA_HINT,
        ) from error
