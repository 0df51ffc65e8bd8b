"""Real little distributions, for tests of how plugins are found."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

__all__ = ["Site"]

RUNTIME = """
    from steer.plugin import RuntimePlugin, hookimpl

    @hookimpl
    def steer_runtimes():
        return [
            RuntimePlugin(
                name={name!r},
                summary="A runtime for tests",
                contract={contract},
                open={open!r},
                requires={requires!r},
                install={install!r},
                native_types={native_types!r},
                config={config!r},
            )
        ]
"""


class Site:
    """A folder on ``sys.path`` in which distributions are installed as pip does it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(
        self,
        name: str,
        modules: Mapping[str, str],
        *,
        version: str = "1.0",
        entry_points: str | None = None,
        metadata: str | None = "Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n",
    ) -> None:
        """Install a distribution; its first module is its plugin, or what ``entry_points`` says."""
        for module, source in modules.items():
            path = self.folder.joinpath(*module.split(".")).with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(source))
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        if metadata is not None:
            (info / "METADATA").write_text(metadata.format(name=name, version=version))
        if entry_points is None:
            entry_points = f"[steer]\n{name.removesuffix('-steer')} = {next(iter(modules))}\n"
        (info / "entry_points.txt").write_text(entry_points)
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        record = "".join(f"{path.relative_to(self.folder)},,\n" for path in files)
        (info / "RECORD").write_text(record)
        importlib.invalidate_caches()

    def add_runtime(
        self,
        distribution: str,
        name: str,
        *,
        module: str | None = None,
        contract: int = 1,
        target: str = "steer_no_such_vendor:open_runtime",
        requires: tuple[str, ...] = (),
        install: str | None = None,
        native_types: tuple[str, ...] = (),
        config: str | None = None,
        more: Mapping[str, str] | None = None,
    ) -> None:
        """Install a distribution that declares one runtime."""
        source = RUNTIME.format(
            name=name,
            contract=contract,
            open=target,
            requires=requires,
            install=install,
            native_types=native_types,
            config=config,
        )
        modules = {module or distribution.replace("-", "_"): source, **(more or {})}
        self.add(distribution, modules)
