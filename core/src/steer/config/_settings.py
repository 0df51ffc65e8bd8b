"""Settings and the four places that they come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from steer import redaction as redacting
from steer.config._files import ConfigFile, find_config, read_config
from steer.config._masking import masked
from steer.context import DEFAULT_PRINCIPAL, DEFAULT_SCOPE
from steer.errors import ConfigError
from steer.naming import closest, did_you_mean, fold
from steer.plugins import POLICY_FILE_SUFFIX
from steer.values import JsonValue

__all__ = ["Setting", "Settings", "load_settings"]

_TEXTS = ("storage", "runtime", "model", "base_url", "scope", "principal", "artifacts", "prices")
_LISTS = ("policy", "selectable_policy", "sink")
_PLURALS = {"policies": "policy", "selectable_policies": "selectable_policy", "sinks": "sink"}
_POLICIES = ("policy", "selectable_policy")
_TABLES = ("runtimes", "policies", "sinks")
_REDACTION = "redaction"
_PREFIX = "STEER_"
_CONFIG = "config"
_SQLITE = "sqlite:///"
_DEFAULT = "default"


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One setting as it may be shown: no secret is in ``value``.

    ``source`` is a flag, an environment variable, the path of a file, or ``default``.
    """

    key: str
    value: JsonValue
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What was chosen.

    ``storage`` is a URL; a SQLite path in it is absolute. ``artifacts`` is the URL of a store for
    files of jobs, ``None`` where the storage keeps them. ``runtime``, ``policy`` and ``sink`` are
    folded names of plugins; a policy that ends in ``.toml`` is the absolute path of a file of
    rules; ``policy`` holds for every run, ``selectable_policy`` where a request selects it.
    ``prices`` is the absolute path of a file of prices.
    ``runtimes``, ``policies`` and ``sinks`` hold what each plugin is configured with, by
    folded name too. ``redaction`` is kept out of what is told of every job.
    """

    storage: str = field(repr=False)
    artifacts: str | None = field(default=None, repr=False)
    runtime: str | None = None
    model: str | None = None
    base_url: str | None = field(default=None, repr=False)
    scope: str = DEFAULT_SCOPE
    principal: str = DEFAULT_PRINCIPAL
    policy: tuple[str, ...] = ("author-declared",)
    selectable_policy: tuple[str, ...] = ()
    sink: tuple[str, ...] = ()
    prices: str | None = None
    runtimes: Mapping[str, Mapping[str, JsonValue]] = field(default_factory=dict, repr=False)
    policies: Mapping[str, Mapping[str, JsonValue]] = field(default_factory=dict, repr=False)
    sinks: Mapping[str, Mapping[str, JsonValue]] = field(default_factory=dict, repr=False)
    redaction: redacting.Redaction | None = None
    sources: Mapping[str, str] = field(default_factory=dict, repr=False)

    def explain(self) -> tuple[Setting, ...]:
        """Every setting with where it comes from, secrets hidden."""
        single = ((key, getattr(self, key), key) for key in (*_TEXTS, *_LISTS))
        tables = (
            (f"{table}.{plugin}.{key}", value, table)
            for table in _TABLES
            for plugin, options in getattr(self, table).items()
            for key, value in options.items()
        )
        shown = (
            Setting(key=key, value=masked(key, value), source=self.sources.get(origin, _DEFAULT))
            for key, value, origin in (*single, *tables)
        )
        return (*shown, *self._redacted())

    def _redacted(self) -> Iterator[Setting]:
        chosen = self.redaction
        if chosen is None:
            return
        # Of own rules the names: an expression may spell out the secret that it hides.
        rules = [rule.name for rule in chosen.rules]
        parts = {"patterns": chosen.patterns, "keys": chosen.keys, "rules": rules}
        for name, values in parts.items():
            if values:
                source = self.sources.get(_REDACTION, _DEFAULT)
                yield Setting(key=f"{_REDACTION}.{name}", value=list(values), source=source)


def load_settings(
    overrides: Mapping[str, str | Sequence[str] | None],
    env: Mapping[str, str],
    cwd: Path,
    *,
    state_folder: Path | None = None,
) -> Settings:
    """Return the settings that hold for a program started in ``cwd`` with this environment.

    ``overrides`` are the flags by key (``base_url`` is ``--base-url``), ``None`` where one was not
    given; ``config`` among them names the file. ``state_folder`` is where the default storage
    lives, the platform's folder for a user's state unless given. A relative path is relative to
    the file that says it, else to ``cwd``.

    Raises ``ConfigError``, naming the flag, variable or file and the key.
    """
    cwd = cwd.absolute()
    flags, named_by_flag = _flags(overrides, cwd)
    variables, named_by_variable = _variables(env, cwd)
    named = named_by_flag or named_by_variable
    file = read_config(named) if named is not None else find_config(cwd)
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    # From the weakest to the strongest, each over what was there.
    for layer in (_file_layer(file), variables, flags):
        for key, (value, source) in layer.items():
            values[key], sources[key] = value, source
    if "storage" not in values:
        folder = state_folder or platformdirs.user_state_path("steer")
        values["storage"] = _sqlite_in(folder.absolute(), "steer.db")
    return Settings(**values, sources=sources)


_Layer = dict[str, tuple[Any, str]]


def _flags(
    overrides: Mapping[str, str | Sequence[str] | None], cwd: Path
) -> tuple[_Layer, Path | None]:
    known = (*_TEXTS, *_LISTS, _CONFIG)
    layer: _Layer = {}
    for key, value in overrides.items():
        if key not in known:
            raise ConfigError(f"there is no setting {key!r}", fix=did_you_mean(key, known))
        # A flag that may be repeated and was not is an empty list.
        if value is None or (key in _LISTS and not value):
            continue
        flag = f"--{key.replace('_', '-')}"
        layer[key] = _value(key, value, flag, cwd), flag
    config, _ = layer.pop(_CONFIG, (None, ""))
    return layer, config


def _variables(env: Mapping[str, str], cwd: Path) -> tuple[_Layer, Path | None]:
    known = {f"{_PREFIX}{key.upper()}": key for key in (*_TEXTS, *_LISTS, _CONFIG)}
    layer: _Layer = {}
    for variable, text in env.items():
        if not variable.startswith(_PREFIX) or not text.strip():
            continue
        key = known.get(variable)
        if key is None:
            # Others may use the prefix too, but a misspelt policy must not go unnoticed.
            if guess := closest(variable.removeprefix(_PREFIX), (*known.values(), *_PLURALS)):
                meant = _PLURALS.get(guess, guess)
                raise ConfigError(
                    f"the environment variable {variable} means nothing to steer",
                    fix=f"Did you mean {_PREFIX}{meant.upper()}?",
                )
            continue
        value = [name.strip() for name in text.split(",")] if key in _LISTS else text
        layer[key] = _value(key, value, variable, cwd), variable
    config, _ = layer.pop(_CONFIG, (None, ""))
    return layer, config


def _file_layer(file: ConfigFile | None) -> _Layer:
    if file is None:
        return {}
    known = (*_TEXTS, *_LISTS, *_TABLES, _REDACTION)
    layer: _Layer = {}
    for written, value in file.table.items():
        key = written.replace("-", "_")
        if key not in known:
            raise ConfigError(
                f"{file.path}: unknown key {written!r}",
                fix=did_you_mean(written, known) or f"The keys are {', '.join(known)}",
            )
        if key in layer:
            raise ConfigError(f"{file.path}: {key} is there twice, with - and with _")
        source = str(file.path)
        if key == _REDACTION:
            layer[key] = redacting.parse_redaction(value, source=source), source
        elif key in _TABLES:
            layer[key] = dict(_plugin_tables(key, value, source)), source
        else:
            layer[key] = _value(key, value, source, file.path.parent), source
    return layer


def _plugin_tables(
    key: str, value: JsonValue, source: str
) -> Iterator[tuple[str, Mapping[str, JsonValue]]]:
    if not isinstance(value, dict):
        raise ConfigError(f"{source}: {key} must hold tables, such as [{key}.NAME]")
    seen: set[str] = set()
    for name, options in value.items():
        if not isinstance(options, dict):
            raise ConfigError(f"{source}: {key}.{name} must be a table, not {_kind(options)}")
        if fold(name) in seen:
            raise ConfigError(f"{source}: [{key}.{fold(name)}] is there twice")
        seen.add(fold(name))
        yield fold(name), options


def _value(key: str, value: object, source: str, folder: Path) -> str | Path | tuple[str, ...]:
    if key in _LISTS:
        return _names(key, value, source, folder)
    text = _text(key, value, source)
    if key == "storage":
        return _storage(text, source, folder)
    if key == "artifacts" and "://" not in text:
        # Not repeated, as the storage's is not.
        raise ConfigError(
            f"{source}: artifacts is not a URL",
            fix="Write what a plugin for files names, or leave it out for the storage",
        )
    if key == "prices":
        return str(folder / Path(text).expanduser())
    if key == _CONFIG:
        return folder / Path(text).expanduser()
    return fold(text) if key == "runtime" else text


def _text(key: str, value: object, source: str) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{source}: {key} must be text, not {_kind(value)}")
    if not value.strip():
        raise ConfigError(f"{source}: {key} is empty", fix="Leave it out for the default")
    return value.strip()


def _names(key: str, value: object, source: str, folder: Path) -> tuple[str, ...]:
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, Sequence):
        raise ConfigError(f"{source}: {key} must be a name or a list of names, not {_kind(value)}")
    names = [_text(key, name, source) for name in given]
    if key == "policy" and not names:
        raise ConfigError(f"{source}: policy is empty", fix="Leave it out for the default")
    if key in _POLICIES:
        return tuple(_policy(name, folder) for name in names)
    return tuple(map(fold, names))


def _policy(name: str, folder: Path) -> str:
    is_file = name.endswith(POLICY_FILE_SUFFIX)
    return str(folder / Path(name).expanduser()) if is_file else fold(name)


def _storage(url: str, source: str, folder: Path) -> str:
    if "://" not in url:
        # Not repeated: it may be a URL with a password that only lost its beginning.
        raise ConfigError(
            f"{source}: storage is not a URL",
            fix="Write sqlite:///folder/file.db, memory:// or what a storage plugin names",
        )
    path = url[len(_SQLITE) :]
    relative = path and not path.startswith(("/", "~", ":"))
    is_sqlite = url[: len(_SQLITE)].lower() == _SQLITE
    return _sqlite_in(folder, path) if is_sqlite and relative else url


def _sqlite_in(folder: Path, rest: str) -> str:
    # The two characters that would change what the rest of the URL means.
    quoted = str(folder).replace("%", "%25").replace("?", "%3F")
    return f"{_SQLITE}{quoted.rstrip('/')}/{rest}"


def _kind(value: object) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", dict: "a table"}
    names |= {str: "text", list: "a list"}
    return names.get(type(value), f"a {type(value).__name__}")
