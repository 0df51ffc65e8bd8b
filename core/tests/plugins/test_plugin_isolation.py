"""One bad plugin harms only itself."""

from __future__ import annotations

import sys

import pytest
from little_distributions import Site
from steer.errors import PluginError
from steer.plugin import PluginKind
from steer.plugins import PluginRegistry, PluginReport, PluginState


def report(registry: PluginRegistry, name: str) -> PluginReport:
    (found,) = [each for each in registry.explain() if each.name == name]
    return found


def discovered_beside(site: Site, bad: str, source: str) -> PluginRegistry:
    """Install a good runtime and a bad distribution, and discover both."""
    site.add_runtime("good-steer", "good")
    site.add(bad, {bad.replace("-", "_"): source})
    registry = PluginRegistry.discover()
    assert registry.runtime("good").name == "good"
    assert report(registry, "good").state is PluginState.OK
    return registry


def test_an_import_error_is_kept_and_raised_when_the_plugin_is_selected(site: Site) -> None:
    registry = discovered_beside(site, "bad-steer", "from json import nothing_of_the_kind")

    with pytest.raises(PluginError, match=r"bad-steer 1\.0.*nothing_of_the_kind") as raised:
        registry.runtime("bad")
    assert isinstance(raised.value.__cause__, ImportError)
    shown = report(registry, "bad")
    assert (shown.state, shown.kind) == (PluginState.BROKEN, None)
    assert (shown.distribution, shown.version) == ("bad-steer", "1.0")
    assert shown.error == str(raised.value)


def test_an_error_is_raised_afresh_each_time(site: Site) -> None:
    registry = discovered_beside(site, "bad-steer", "raise RuntimeError")
    errors = []
    for _ in range(2):
        with pytest.raises(PluginError, match=r"could not be loaded: RuntimeError$") as raised:
            registry.runtime("bad")
        errors.append(raised.value)
    assert errors[0] is not errors[1]


def test_a_plugin_that_exits_does_not_end_the_program(site: Site) -> None:
    registry = discovered_beside(site, "bad-steer", "import sys; sys.exit('goodbye')")

    with pytest.raises(PluginError, match="SystemExit: goodbye") as raised:
        registry.sink("bad")
    assert isinstance(raised.value.__cause__, SystemExit)


def test_an_interrupt_is_not_swallowed(site: Site) -> None:
    site.add("bad-steer", {"bad_steer": "raise KeyboardInterrupt"})
    with pytest.raises(KeyboardInterrupt):
        PluginRegistry.discover()


def test_what_a_plugin_prints_is_kept_out_of_the_output_and_shown(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    source = """
        import sys
        from steer.plugin import CommandPlugin, hookimpl

        print("hello")
        print("careful", file=sys.stderr, flush=True)

        @hookimpl
        def steer_commands():
            print("and again")
            yield CommandPlugin(name="loud", summary="Prints", contract=1, open="json:dumps")
    """
    registry = discovered_beside(site, "loud-steer", source)

    assert capsys.readouterr() == ("", "")
    shown = report(registry, "loud")
    assert shown.printed == "hello\ncareful\nand again\n"
    assert shown.state is PluginState.OK


def test_what_others_print_meanwhile_and_what_a_log_handler_prints_later_comes_through(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    source = """
        import sys
        import threading

        out = sys.stdout
        other = threading.Thread(target=print, args=["from another thread"])
        other.start()
        other.join()
        sys.stdout.close()
    """
    site.add("holding-steer", {"holding_steer": source})
    PluginRegistry.discover()
    print("kept stream", file=sys.modules["holding_steer"].out)

    assert capsys.readouterr().out == "from another thread\nkept stream\n"


def test_a_program_without_standard_streams_can_look_for_plugins(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = """
        import sys
        from threading import Thread

        print("x", flush=True)
        assert sys.stdout.writable()
        other = Thread(target=print, args=["nowhere"])
        other.start()
        other.join()
    """
    site.add("loud-steer", {"loud_steer": source})
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert report(PluginRegistry.discover(), "loud").printed == "x\n"


def test_an_unknown_hook_spoils_what_its_module_declares_and_is_explained(site: Site) -> None:
    source = """
        from steer.plugin import RuntimePlugin, hookimpl

        @hookimpl
        def steer_runtimes():
            yield RuntimePlugin(name="typo", summary="", contract=1, open="json:dumps")

        @hookimpl
        def steer_storage():
            return []
    """
    registry = discovered_beside(site, "typo-steer", source)

    message = r"typo-steer 1\.0 .*no hook 'steer_storage'\. Did you mean 'steer_storages'\?"
    with pytest.raises(PluginError, match=message):
        registry.runtime("typo")
    assert report(registry, "typo").state is PluginState.BROKEN
    assert "typo" not in registry.names(PluginKind.RUNTIME)


def test_a_hook_for_a_later_steer_may_be_marked_optional(site: Site) -> None:
    source = """
        from steer.plugin import RuntimePlugin, hookimpl

        @hookimpl
        def steer_runtimes():
            yield RuntimePlugin(name="modern", summary="", contract=1, open="json:dumps")

        @hookimpl(optionalhook=True)
        def steer_time_machines():
            return []
    """
    assert discovered_beside(site, "modern-steer", source).runtime("modern").name == "modern"


@pytest.mark.parametrize(("contract", "advice"), [(2, "newer steer"), (0, "newer version")])
def test_another_contract_is_refused_by_number(site: Site, contract: int, advice: str) -> None:
    site.add_runtime("good-steer", "good")
    site.add_runtime("other-steer", "other", contract=contract)
    registry = PluginRegistry.discover()

    with pytest.raises(PluginError, match=rf"other-steer 1\.0.*contract {contract}.*{advice}"):
        registry.runtime("other")
    assert report(registry, "other").contract == contract
    assert registry.runtime("good").name == "good"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise ValueError('no luck')", "hook steer_runtimes failed: ValueError: no luck"),
        ("return 7", "returned an int, not a list of RuntimePlugin"),
        ("return [7]", "returned an int among its RuntimePlugins"),
        ("return ['x']", "returned a str among"),
        ("return RUNTIME", "returned a RuntimePlugin, not a list of RuntimePlugin"),
        ("yield STORAGE", "returned a StoragePlugin among"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
    ],
)
def test_a_hook_that_fails_or_returns_junk_is_named(site: Site, body: str, said: str) -> None:
    source = f"""
        from steer.plugin import CachePlugin, RuntimePlugin, StoragePlugin, hookimpl

        RUNTIME = RuntimePlugin(name="junk", summary="", contract=1, open="json:dumps")
        STORAGE = StoragePlugin(
            name="junk", summary="", contract=1, open="json:dumps", schemes=("junk",)
        )

        @hookimpl
        def steer_runtimes():
            {body}

        @hookimpl
        def steer_caches():
            yield CachePlugin(
                name="whole", summary="", contract=1, open="json:dumps", schemes=("whole",)
            )
    """
    registry = discovered_beside(site, "junk-steer", source)

    with pytest.raises(PluginError, match=said):
        registry.cache_for_url("whole://")
    assert registry.names(PluginKind.CACHE) == ()


def test_a_hook_that_returns_nothing_brings_nothing(site: Site) -> None:
    source = """
        from steer.plugin import hookimpl

        @hookimpl
        def steer_runtimes():
            return None
    """
    registry = discovered_beside(site, "quiet-steer", source)
    assert not [each for each in registry.explain() if each.distribution == "quiet-steer"]


def test_a_hook_that_wants_arguments_is_refused(site: Site) -> None:
    source = """
        from steer.plugin import hookimpl

        @hookimpl
        def steer_runtimes(config):
            return []
    """
    registry = discovered_beside(site, "greedy-steer", source)
    assert "config" in (report(registry, "greedy").error or "")


@pytest.mark.parametrize("source", ["", "def steer_runtimes(): return []"])
def test_a_module_without_marked_hooks_says_how_to_mark_them(site: Site, source: str) -> None:
    registry = discovered_beside(site, "bare-steer", source)
    assert "hookimpl of steer.plugin" in (report(registry, "bare").error or "")


def test_a_declaration_that_cannot_be_is_told_to_its_author(site: Site) -> None:
    site.add_runtime("bad-steer", "bad", target="no target")
    with pytest.raises(PluginError, match=r"open is 'no target', not 'package.module:function'"):
        PluginRegistry.discover().runtime("bad")


def test_a_wrapper_reaches_no_hook_of_another_plugin(site: Site) -> None:
    source = """
        from steer.plugin import hookimpl

        @hookimpl(wrapper=True)
        def steer_storages():
            yield
            return []
    """
    registry = discovered_beside(site, "sly-steer", source)
    assert registry.storage_for_url("memory://").name == "memory"


def test_two_distributions_with_one_name_are_both_refused_when_it_is_selected(site: Site) -> None:
    site.add_runtime("first-steer", "Twin_Runtime")
    site.add_runtime("second-steer", "twin-runtime")
    site.add_runtime("good-steer", "good")
    registry = PluginRegistry.discover()

    with pytest.raises(PluginError, match=r"first-steer 1\.0 and second-steer 1\.0") as raised:
        registry.runtime("TWIN_runtime")
    twins = [each for each in registry.explain() if each.name == "twin-runtime"]
    assert [each.distribution for each in twins] == ["first-steer", "second-steer"]
    assert {(each.state, each.error) for each in twins} == {
        (PluginState.CONFLICT, str(raised.value))
    }
    assert registry.runtime("good").name == "good"


def test_a_distribution_that_declares_a_name_twice_is_named_once(site: Site) -> None:
    source = """
        from steer.plugin import CommandPlugin, hookimpl

        @hookimpl
        def steer_commands():
            for target in ("json:dumps", "json:loads"):
                yield CommandPlugin(name="again", summary="", contract=1, open=target)
    """
    registry = discovered_beside(site, "again-steer", source)
    with pytest.raises(PluginError, match=r"again-steer 1\.0 declares it more than once"):
        registry.command("again")


def test_a_scheme_that_two_storages_open_opens_none(site: Site) -> None:
    source = """
        from steer.plugin import StoragePlugin, hookimpl

        @hookimpl
        def steer_storages():
            yield StoragePlugin(
                name="other", summary="", contract=1, open="json:dumps", schemes=("sqlite", "other")
            )
    """
    registry = discovered_beside(site, "other-steer", source)

    with pytest.raises(PluginError, match=r"other-steer 1\.0 and steer 2|steer 2.* and other-ste"):
        registry.storage_for_url("sqlite:///x.db")
    assert registry.storage_for_url("other://").name == "other"
    assert report(registry, "sqlite").state is PluginState.CONFLICT
    assert report(registry, "memory").state is PluginState.OK


def test_a_broken_plugin_takes_no_name_from_one_that_works(site: Site) -> None:
    site.add_runtime("old-steer", "shared", contract=0, native_types=("builtins.float",))
    site.add_runtime("new-steer", "shared", native_types=("builtins.float",))
    registry = PluginRegistry.discover()

    assert registry.runtime("shared").contract == 1
    assert registry.runtime_for(1.5) == "shared"


def test_a_copy_of_a_distribution_further_down_the_path_is_not_loaded(site: Site) -> None:
    site.add_runtime("same-steer", "same")
    site.add("same-steer", {"same_steer_old": "raise SystemError"}, version="0.9")
    shown = [e for e in PluginRegistry.discover().explain() if e.distribution == "same-steer"]
    assert len(shown) == 1


def test_damaged_metadata_hides_no_other_distribution(site: Site) -> None:
    site.add("damaged-steer", {"damaged_steer": ""}, entry_points="[steer]\nno equals sign\n")
    site.add("unrelated", {"unrelated": ""}, entry_points="[console_scripts]\nno equals sign\n")
    site.add_runtime("good-steer", "good")
    registry = PluginRegistry.discover()

    assert registry.runtime("good").name == "good"
    broken = [each for each in registry.explain() if each.kind is None]
    assert len(broken) == 1
    assert "metadata cannot be read" in (broken[0].error or "")


@pytest.mark.parametrize(
    "metadata",
    [None, "", "Metadata-Version: 2.4\nVersion: 1.0\n", "Metadata-Version: 2.4\nName: x\n"],
    ids=["no file", "empty", "no name", "no version"],
)
def test_a_distribution_without_its_metadata_hides_no_other_one(
    site: Site, metadata: str | None
) -> None:
    source = "from steer.builtins import steer_storages"
    site.add("half-steer", {"half_steer": source}, metadata=metadata)
    site.add_runtime("good-steer", "good")
    registry = PluginRegistry.discover()

    assert registry.runtime("good").name == "good"
    assert len(registry.explain()) > 1


def test_an_entry_point_that_names_no_module_is_broken(site: Site) -> None:
    site.add("odd-steer", {"odd_steer": ""}, entry_points="[steer]\nodd = not a module!\n")
    # Named after the entry point or the folder: releases of importlib-metadata notice it apart.
    (broken,) = [each for each in PluginRegistry.discover().explain() if each.kind is None]
    assert broken.state is PluginState.BROKEN
    assert "not a module!" in (broken.error or "")


def test_a_missing_vendor_is_seen_without_importing_anything(site: Site) -> None:
    site.add_runtime("lonely-steer", "lonely", requires=("steer-no-such-vendor", "pluggy"))
    registry = PluginRegistry.discover()

    shown = report(registry, "lonely")
    assert shown.state is PluginState.MISSING_VENDOR
    assert [(each.name, each.version is None) for each in shown.requires] == [
        ("steer-no-such-vendor", True),
        ("pluggy", False),
    ]
    assert "steer-no-such-vendor is not installed" in (shown.error or "")
    assert "python -m pip install 'lonely-steer'" in (shown.error or "")
    assert registry.runtime("lonely").name == "lonely"


def test_a_broken_module_is_suspected_where_a_name_is_not_known(site: Site) -> None:
    registry = discovered_beside(site, "bad-steer", "raise RuntimeError")
    with pytest.raises(PluginError, match=r"no such runtime.*not known: bad-steer 1\.0"):
        registry.runtime("wanted")
