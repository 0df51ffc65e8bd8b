"""What can be set for this runtime, in ``[runtimes.acme]``, by an agent or with one request."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from steer.errors import ConfigError
from steer.values import JsonValue

__all__ = ["AcmeConfig", "overlaid"]


class AcmeConfig(BaseModel):
    """Settings of the runtime ``acme``.

    ``base_url``: where the service is. ``api_key``: what it knows its customer by. ``timeout``: in
    seconds; bounds connecting, and each wait for the next bytes of an answer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: AnyHttpUrl = AnyHttpUrl("https://agents.acme.example")
    api_key: SecretStr | None = None
    timeout: float = Field(default=60.0, gt=0)


def overlaid(config: AcmeConfig, changes: Mapping[str, JsonValue]) -> AcmeConfig:
    """Return ``config`` with these settings over it; ``ConfigError`` for one that is wrong."""
    given = {name: getattr(config, name) for name in config.model_fields_set}
    try:
        return AcmeConfig.model_validate({**given, **changes})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
    # Outside the handler: pydantic's error quotes the value, which may be the key.
    raise ConfigError(
        f"acme: the setting {'.'.join(map(str, first['loc']))!r} is wrong: {first['msg']}",
        fix=f"It knows {', '.join(AcmeConfig.model_fields)}",
    )
