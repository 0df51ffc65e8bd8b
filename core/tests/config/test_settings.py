"""Settings: who wins, where it is said, and what is wrong with what is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steer import Redaction, RedactionRule
from steer.config import Settings, load_settings
from steer.config._masking import MASK, masked
from steer.errors import ConfigError


def load(
    folder: Path,
    *,
    flags: Mapping[str, str | Sequence[str] | None] | None = None,
    env: Mapping[str, str] | None = None,
    toml: str | None = None,
    file: str = "steer.toml",
) -> Settings:
    """Load settings in ``folder``, which is given a configuration file if there is one."""
    if toml is not None:
        (folder / file).write_text(toml)
    return load_settings(flags or {}, env or {}, folder, state_folder=Path("/state"))


def shown(settings: Settings) -> dict[str, tuple[object, str]]:
    return {setting.key: (setting.value, setting.source) for setting in settings.explain()}


def test_without_anything_said_the_defaults_hold(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings == Settings(storage="sqlite:////state/steer.db")
    assert settings.policy == ("author-declared",)
    assert (settings.runtime, settings.scope, settings.principal) == (None, "default", "local")
    assert {source for _, source in shown(settings).values()} == {"default"}


def test_the_default_store_is_in_the_platforms_folder_for_state(tmp_path: Path) -> None:
    storage = load_settings({}, {}, tmp_path).storage
    assert storage.startswith("sqlite:////")
    assert storage.endswith("/steer/steer.db")


def test_flags_beat_the_environment_which_beats_the_file(tmp_path: Path) -> None:
    toml = 'model = "file"\nscope = "file"\nprincipal = "file"\n'
    env = {"STEER_MODEL": "env", "STEER_SCOPE": "env"}
    settings = load(tmp_path, flags={"model": "flag", "runtime": None}, env=env, toml=toml)

    assert (settings.model, settings.scope, settings.principal) == ("flag", "env", "file")
    explained = shown(settings)
    assert explained["model"] == ("flag", "--model")
    assert explained["scope"] == ("env", "STEER_SCOPE")
    assert explained["principal"] == ("file", str(tmp_path / "steer.toml"))
    assert explained["runtime"] == (None, "default")


KEYS = ("runtime", "model", "base_url", "scope", "principal")


@given(
    flags=st.sets(st.sampled_from(KEYS)),
    env=st.sets(st.sampled_from(KEYS)),
    file=st.sets(st.sampled_from(KEYS)),
)
def test_the_strongest_place_that_says_something_decides(
    tmp_path_factory: pytest.TempPathFactory, flags: set[str], env: set[str], file: set[str]
) -> None:
    folder = tmp_path_factory.mktemp("project")
    settings = load(
        folder,
        flags=dict.fromkeys(flags, "flag"),
        env={f"STEER_{key.upper()}": "env" for key in env},
        toml="".join(f'{key} = "file"\n' for key in file),
    )
    for key in KEYS:
        places = [("flag", flags), ("env", env), ("file", file)]
        decided = next((name for name, keys in places if key in keys), None)
        if decided is None:
            assert shown(settings)[key][1] == "default"
        else:
            assert getattr(settings, key) == decided


def test_the_environment_is_only_what_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEER_RUNTIME", "from-the-process")
    assert load(tmp_path).runtime is None


def test_an_empty_variable_is_as_good_as_none(tmp_path: Path) -> None:
    env = {"STEER_RUNTIME": "", "STEER_POLICY": " ", "STEER_CONFIG": ""}
    assert load(tmp_path, env=env) == load(tmp_path)


def test_lists_come_as_repeated_flags_as_commas_or_as_toml(tmp_path: Path) -> None:
    assert load(tmp_path, flags={"policy": ["a", "b"]}).policy == ("a", "b")
    assert load(tmp_path, flags={"policy": "a", "sink": ()}).policy == ("a",)
    assert load(tmp_path, env={"STEER_SINK": "a, b"}).sink == ("a", "b")
    assert load(tmp_path, toml='policy = "a"\nsink = []').policy == ("a",)
    assert load(tmp_path, toml='policy = ["a", "b"]').policy == ("a", "b")


def test_names_of_plugins_are_folded_so_that_they_find_their_tables(tmp_path: Path) -> None:
    toml = 'sink = ["My_Log"]\n[sinks.MY_LOG]\ncontents = true'
    settings = load(tmp_path, flags={"runtime": "OpenAI_Agents", "policy": "A_B"}, toml=toml)
    assert (settings.runtime, settings.policy) == ("openai-agents", ("a-b",))
    assert settings.sinks[settings.sink[0]] == {"contents": True}


def test_the_tables_of_plugins_are_kept_by_folded_name(tmp_path: Path) -> None:
    toml = """
        [runtimes.OpenAI_Agents]
        api = "chat_completions"
        [policies.mine]
        tools = ["a", "b"]
        [sinks.log]
        contents = true
    """
    settings = load(tmp_path, toml=toml)
    assert settings.runtimes == {"openai-agents": {"api": "chat_completions"}}
    assert settings.policies == {"mine": {"tools": ["a", "b"]}}
    assert settings.sinks == {"log": {"contents": True}}
    place = str(tmp_path / "steer.toml")
    assert shown(settings)["runtimes.openai-agents.api"] == ("chat_completions", place)
    assert shown(settings)["sinks.log.contents"] == (True, place)


def test_the_nearest_file_upwards_is_read_and_no_other(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b" / "c"
    inner.mkdir(parents=True)
    (tmp_path / "steer.toml").write_text('model = "outer"\nscope = "outer"')
    (tmp_path / "a" / "pyproject.toml").write_text('[tool.steer]\nmodel = "project"')
    (tmp_path / "a" / "b" / "pyproject.toml").write_text('[project]\nname = "steering"')
    settings = load(inner)
    assert (settings.model, settings.scope) == ("project", "default")

    (inner / "steer.toml").write_text("")
    assert load(inner).model is None


def test_a_steer_toml_is_preferred_to_the_project_beside_it(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.steer]\nmodel = "project"')
    assert load(tmp_path, toml='model = "own"').model == "own"


def test_a_project_that_does_not_mention_steer_may_be_as_broken_as_it_likes(tmp_path: Path) -> None:
    (tmp_path / "steer.toml").mkdir()
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_text("{{ cookiecutter }}")
    assert load(inner).model is None


def test_a_folder_that_may_not_be_looked_into_has_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path) -> bool:
        raise PermissionError

    monkeypatch.setattr(Path, "is_file", refuse)
    assert load(tmp_path, toml='model = "unseen"').model is None


def test_a_file_can_be_named_by_flag_or_variable(tmp_path: Path) -> None:
    (tmp_path / "steer.toml").write_text('model = "found"')
    (tmp_path / "other.toml").write_text('model = "other"')
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "pyproject.toml").write_text('[tool.steer]\nmodel = "project"')

    assert load(tmp_path, env={"STEER_CONFIG": "other.toml"}).model == "other"
    by_flag = load(
        tmp_path, flags={"config": "sub/pyproject.toml"}, env={"STEER_CONFIG": "other.toml"}
    )
    assert by_flag.model == "project"
    with pytest.raises(ConfigError, match=r"absent\.toml cannot be read: No such file"):
        load(tmp_path, flags={"config": "absent.toml"})
    (tmp_path / "pyproject.toml").write_text("[tool.other]")
    with pytest.raises(ConfigError, match=r"has no table \[tool\.steer\]"):
        load(tmp_path, flags={"config": "pyproject.toml"})


def test_paths_in_a_file_are_relative_to_it(tmp_path: Path) -> None:
    inner = tmp_path / "in here" / "50%?"
    inner.mkdir(parents=True)
    (inner.parent / "steer.toml").write_text('storage = "sqlite:///x.db"\npolicy = "r.toml"')
    settings = load(inner)
    assert settings.storage == f"sqlite:///{inner.parent}/x.db"
    assert settings.policy == (str(inner.parent / "r.toml"),)

    said = load(inner, flags={"storage": "SQLite:///y.db"}, env={"STEER_POLICY": "a,s.toml"})
    folder = str(inner).replace("%", "%25").replace("?", "%3F")
    assert said.storage == f"sqlite:///{folder}/y.db"
    assert said.policy == ("a", str(inner / "s.toml"))


@pytest.mark.parametrize(
    "url",
    ["sqlite:////abs/x.db", "sqlite:///~/x.db", "memory://", "postgresql://u@h/db", "sqlite:///"],
)
def test_other_urls_stay_as_they_are(tmp_path: Path, url: str) -> None:
    assert load(tmp_path, flags={"storage": url}).storage == url


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('runtme = "x"', "unknown key 'runtme'. Did you mean 'runtime'?"),
        ("zzzz = 1", "unknown key 'zzzz'. The keys are storage, runtime,"),
        ("runtime = 1", "runtime must be text, not a number"),
        ("runtime = true", "runtime must be text, not true or false"),
        ("runtime = ['a']", "runtime must be text, not a list"),
        ("runtime = 1979-05-27", "runtime must be text, not a date"),
        ("runtime = ' '", "runtime is empty. Leave it out"),
        ("policy = {}", "policy must be a name or a list of names, not a table"),
        ("policy = [1]", "policy must be text, not a number"),
        ("policy = []", "policy is empty"),
        ("storage = 'jobs.db'", "storage is not a URL. Write sqlite:///"),
        ("runtimes = 'x'", "runtimes must hold tables, such as [runtimes.NAME]"),
        ("runtimes.x = 'y'", "runtimes.x must be a table, not text"),
        ("[runtimes.a-b]\n[runtimes.a_b]", "[runtimes.a-b] is there twice"),
        ("base-url = 'a'\nbase_url = 'b'", "base_url is there twice"),
    ],
)
def test_a_mistake_in_a_file_is_told_with_file_and_key(
    tmp_path: Path, toml: str, said: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, toml=toml)
    assert str(raised.value).startswith(f"{tmp_path / 'steer.toml'}: {said}")


def test_broken_toml_is_told_with_line_and_column(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"steer\.toml:2:9: ") as raised:
        load(tmp_path, toml='model = "x"\nscope = @\n')
    assert raised.value.__cause__ is not None
    with pytest.raises(ConfigError, match=r"steer\.toml: .*end of document"):
        load(tmp_path, toml="model")


def test_a_file_that_cannot_be_read_as_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "steer.toml").write_bytes(b'model = "\xff"')
    with pytest.raises(ConfigError, match="is not UTF-8, at byte 9"):
        load(tmp_path)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "steer.toml").write_bytes(b'\xef\xbb\xbfmodel = "x"')
    assert load(tmp_path).model == "x"


def test_the_table_of_a_project_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"tool\.steer must be a table"):
        load(tmp_path, toml="[tool]\nsteer = 1", file="pyproject.toml")
    assert load(tmp_path, toml="tool = 'steer'", file="pyproject.toml").model is None


def test_a_mistake_elsewhere_is_told_with_the_flag_or_the_variable(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^--storage: storage is not a URL"):
        load(tmp_path, flags={"storage": "postgres:hunter2@host"})
    with pytest.raises(ConfigError, match=r"^STEER_POLICY: policy is empty"):
        load(tmp_path, env={"STEER_POLICY": "a,,b"})
    with pytest.raises(ConfigError, match=r"no setting 'modell'\. Did you mean 'model'\?"):
        load(tmp_path, flags={"modell": "x"})


def test_a_misspelt_variable_is_an_error_and_a_strangers_is_not(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"STEER_POLICIES means .* Did you mean STEER_POLICY\?"):
        load(tmp_path, env={"STEER_POLICIES": "strict"})
    assert load(tmp_path, env={"STEER_WHEEL_ANGLE": "3", "OTHER": "x"}).model is None


def test_no_secret_is_shown(tmp_path: Path) -> None:
    toml = """
        storage = "postgresql://me:hunter2@host/db?sslkey=hunter2&x=1"
        [runtimes.acme]
        api_key = "hunter2"
        headers = { Authorization = "hunter2", accept = "all" }
        credentials = ["hunter2", { deep = "hunter2" }]
        max_tokens = 5
        urls = ["redis://:hunter2@host"]
    """
    settings = load(tmp_path, toml=toml)
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in repr(settings.explain())
    explained = shown(settings)
    assert explained["storage"][0] == f"postgresql://me:{MASK}@host/db?sslkey={MASK}&x=1"
    assert explained["runtimes.acme.headers"][0] == {"Authorization": MASK, "accept": "all"}
    assert explained["runtimes.acme.credentials"][0] == [MASK, {"deep": MASK}]
    assert explained["runtimes.acme.max_tokens"][0] == 5
    assert settings.runtimes["acme"]["api_key"] == "hunter2"


SECRETS = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1).map(
    lambda text: f"<{text}>"
)


@given(secret=SECRETS, user=st.sampled_from(["", "me"]))
def test_no_password_of_a_url_is_shown_whatever_it_is_made_of(secret: str, user: str) -> None:
    url = f"postgresql://{user}:{secret}@host/db"
    assert masked("storage", url) == f"postgresql://{user}:{MASK}@host/db"


@given(secret=SECRETS, name=st.sampled_from(["api_key", "TOKEN", "db-password", "ClientSecret"]))
def test_nothing_under_a_secret_name_is_shown(secret: str, name: str) -> None:
    assert secret not in repr(masked(name, [secret, {"x": secret}]))


def test_a_plain_url_is_shown_as_it_is() -> None:
    for url in ("http://127.0.0.1:8080/v1", "sqlite:////a/b@c.db", "https://host/?page=2"):
        assert masked("base_url", url) == url


def test_files_of_jobs_are_kept_in_the_storage_unless_a_url_says_where(tmp_path: Path) -> None:
    assert load(tmp_path).artifacts is None
    assert load(tmp_path, env={"STEER_ARTIFACTS": "acme://x"}).artifacts == "acme://x"
    assert load(tmp_path, toml='artifacts = "acme://y"').artifacts == "acme://y"
    with pytest.raises(ConfigError, match="STEER_ARTIFACTS: artifacts is not a URL"):
        load(tmp_path, env={"STEER_ARTIFACTS": "user:secret@host"})


def test_redaction_is_read_from_the_file_and_its_expressions_are_not_shown(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        toml='[redaction]\npatterns = "jwt"\nkeys = ["password"]\n'
        '[[redaction.rules]]\nname = "acme"\npattern = "the-secret-itself"\n',
    )
    said = {setting.key: setting.value for setting in settings.explain()}
    assert settings.redaction == Redaction(
        patterns=["jwt"],
        keys=["password"],
        rules=[RedactionRule(name="acme", pattern="the-secret-itself")],
    )
    assert said["redaction.patterns"] == ["jwt"]
    assert said["redaction.keys"] == ["password"]
    assert said["redaction.rules"] == ["acme"]
    assert "the-secret-itself" not in repr(said)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('patterns = ["jtw"]', r"redaction: there is no pattern .* Did you mean 'jwt'"),
        ('pattern = ["jwt"]', "redaction.pattern: unknown key; Did you mean 'patterns'"),
        (
            'rules = [{name = "a", pattern = "^a"}]',
            r"redaction.rules.0: .* looks at the text around",
        ),
        ("keys = 3", "redaction.keys: .*list"),
    ],
)
def test_redaction_that_cannot_be_is_refused_with_its_place(
    tmp_path: Path, table: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=f"steer.toml: {said}"):
        load(tmp_path, toml=f"[redaction]\n{table}\n")


def test_a_file_of_prices_is_found_from_where_it_is_named(tmp_path: Path) -> None:
    assert load(tmp_path).prices is None
    named = load(tmp_path, toml='prices = "rates/prices.toml"')
    assert named.prices == str(tmp_path / "rates" / "prices.toml")
    assert load(tmp_path, env={"STEER_PRICES": "/etc/prices.toml"}).prices == "/etc/prices.toml"
    assert shown(named)["prices"] == (named.prices, str(tmp_path / "steer.toml"))
