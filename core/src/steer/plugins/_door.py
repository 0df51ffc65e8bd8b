"""The one door through which a plugin's own code, and so a vendor, is imported."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from functools import reduce
from typing import Any, TypeVar

from steer.errors import PluginError, SteerError

__all__ = ["call_target", "load_target", "shown"]

T = TypeVar("T")


def load_target(plugin: str, target: str | T, install_hint: str | None) -> T | Any:
    """Import and return what ``"package.module:name"`` names; anything else is returned as is.

    ``install_hint`` is the sentence that ends the error where a module is missing. Raises
    ``PluginError`` with the cause chained.
    """
    if not isinstance(target, str):
        return target
    module_name, _, attributes = target.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise _not_importable(plugin, error, module_name, target, install_hint) from error
    except SteerError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(
            plugin, f"{module_name} failed while it was imported: {shown(error)}"
        ) from error
    try:
        return reduce(getattr, attributes.split("."), module)
    except AttributeError as error:
        raise PluginError(
            plugin, f"its target {target!r} does not exist: {error}", fix="Report it to its authors"
        ) from error


def call_target(
    plugin: str,
    target: str | Callable[..., Any],
    install_hint: str | None,
    /,
    *arguments: object,
    **named: object,
) -> Any:
    """Load the target and return what it returns for these arguments.

    ``SteerError`` passes; whatever else it raises becomes a ``PluginError`` with the cause.
    """
    function = load_target(plugin, target, install_hint)
    try:
        opened = function(*arguments, **named)
    except SteerError:
        raise
    except ImportError as error:
        raise _not_importable(plugin, error, "", str(target), install_hint) from error
    except (Exception, SystemExit) as error:
        raise PluginError(plugin, f"opening it failed: {shown(error)}") from error
    if inspect.iscoroutine(opened):
        opened.close()
        raise PluginError(plugin, f"its target {target!r} is async", fix="Make it a plain function")
    return opened


def _not_importable(
    plugin: str, error: ImportError, module: str, target: str, install_hint: str | None
) -> PluginError:
    if not isinstance(error, ModuleNotFoundError):
        what = f"what it needs cannot be imported: {error}"
    elif error.name and (module == error.name or module.startswith(f"{error.name}.")):
        what = f"its target {target!r} does not exist: {error}"
    else:
        what = f"it needs the module {error.name!r}, which is not installed"
    return PluginError(plugin, what, fix=install_hint)


def shown(error: BaseException) -> str:
    """Return an exception as one piece of a sentence."""
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
