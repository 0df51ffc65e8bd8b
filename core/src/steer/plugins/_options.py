"""Fitting a plugin's table of the configuration to the model that the plugin declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args

# By its own lazy door: `steer plugins` looks at no model.
import pydantic
from pydantic_core import ErrorDetails, ValidationError

from steer.errors import ConfigError, PluginError
from steer.naming import did_you_mean
from steer.plugins._door import load_target
from steer.values import JsonValue

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["checked_options", "secret_keys"]


def checked_options(
    plugin: str,
    model: type[BaseModel] | str | None,
    given: Mapping[str, JsonValue],
    install_hint: str | None,
) -> BaseModel | None:
    """Return the instance of the plugin's model that ``given`` makes, ``None`` without a model.

    A key that the model does not have is an error unless the model's own configuration settles
    what happens to extra keys. Raises ``ConfigError``, naming plugin and key, never a value.
    """
    if model is None:
        if given:
            raise ConfigError(
                f"{plugin} takes no configuration, and is given {', '.join(sorted(given))}"
            )
        return None
    fitting = _loaded(plugin, model, install_hint)
    settled = fitting.model_config.get("extra") is not None
    try:
        return fitting.model_validate(dict(given), extra=None if settled else "forbid")
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
        message, fix = _explained(details[0], tuple(fitting.model_fields))
    # Outside the handler: pydantic's error quotes the value, which may be a key, and a cause
    # would show it in every traceback.
    raise ConfigError(f"{plugin}: {message}", fix=fix)


def secret_keys(
    plugin: str, model: type[BaseModel] | str | None, install_hint: str | None
) -> frozenset[str]:
    """Return the keys of the plugin's configuration under which there is a secret of pydantic's."""
    if model is None:
        return frozenset()
    fields = _loaded(plugin, model, install_hint).model_fields
    secret = {name: field for name, field in fields.items() if _holds_secret(field.annotation)}
    return frozenset(secret) | {field.alias for field in secret.values() if field.alias}


def _holds_secret(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return any(_holds_secret(field.annotation) for field in annotation.model_fields.values())
    secrets = (pydantic.SecretStr, pydantic.SecretBytes, pydantic.Secret)
    if isinstance(annotation, type) and issubclass(annotation, secrets):
        return True
    return any(map(_holds_secret, get_args(annotation)))


def _loaded(plugin: str, model: type[BaseModel] | str, install_hint: str | None) -> type[BaseModel]:
    loaded = load_target(plugin, model, install_hint)
    if not (isinstance(loaded, type) and hasattr(loaded, "model_validate")):
        raise PluginError(plugin, f"its config {model!r} is not a pydantic model")
    return loaded


def _explained(detail: ErrorDetails, known: tuple[str, ...]) -> tuple[str, str | None]:
    key = ".".join(map(str, detail["loc"])) or "its configuration"
    if detail["type"] != "extra_forbidden":
        return f"{key}: {detail['msg'].removeprefix('Value error, ')}", None
    options = f"It knows {', '.join(known)}" if known else None
    return f"unknown key {key!r}", did_you_mean(key, known) or options
