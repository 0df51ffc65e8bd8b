"""Fitting a plugin's table of the configuration to the model that the plugin declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic_core import ErrorDetails, ValidationError

from steer.errors import ConfigError, PluginError
from steer.naming import did_you_mean
from steer.plugins._door import load_target
from steer.values import JsonValue

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["checked_options"]


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
    loaded = load_target(plugin, model, install_hint)
    if not (isinstance(loaded, type) and hasattr(loaded, "model_validate")):
        raise PluginError(plugin, f"its config {model!r} is not a pydantic model")
    fitting: type[BaseModel] = loaded
    settled = fitting.model_config.get("extra") is not None
    try:
        return fitting.model_validate(dict(given), extra=None if settled else "forbid")
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
        message, fix = _explained(details[0], tuple(fitting.model_fields))
    # Outside the handler: pydantic's error quotes the value, which may be a key, and a cause
    # would show it in every traceback.
    raise ConfigError(f"{plugin}: {message}", fix=fix)


def _explained(detail: ErrorDetails, known: tuple[str, ...]) -> tuple[str, str | None]:
    key = ".".join(map(str, detail["loc"])) or "its configuration"
    if detail["type"] != "extra_forbidden":
        return f"{key}: {detail['msg']}", None
    options = f"It knows {', '.join(known)}" if known else None
    return f"unknown key {key!r}", did_you_mean(key, known) or options
