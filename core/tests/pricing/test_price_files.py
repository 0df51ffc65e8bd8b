from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steer.errors import ConfigError
from steer.pricing import PriceList, Rates
from steer.pricing.overrides import OverrideRates
from steer.values import Usage

AT = datetime(2026, 11, 26, tzinfo=UTC)
MILLION = 1_000_000


class NoLibrary:
    """Knows no price at all."""

    def rates(
        self, model: str, /, *, provider: str | None, scope_id: str, at: datetime
    ) -> Rates | None:
        return None


def prices(folder: Path, text: str) -> PriceList:
    file = folder / "prices.toml"
    file.write_text(text)
    return PriceList(file, library=NoLibrary())


def input_price(
    prices: PriceList, model: str, *, provider: str | None = "openai", scope: str = "acme"
) -> Decimal | None:
    """What a million tokens of input cost."""
    rates = prices.rates(model, provider=provider, scope_id=scope, at=AT)
    return None if rates is None else rates.cost(Usage(requests=1, input_tokens=MILLION))


def test_a_price_is_exactly_what_is_written(tmp_path: Path) -> None:
    listed = prices(
        tmp_path,
        """
        [[price]]
        model = "house-*"
        input = 0.1
        output = 0.7
        cached = 0.025
        cache_write = 0.125
        per_request = 0.000001
        context_window = 32000
        """,
    )
    rates = listed.rates("house-small", provider=None, scope_id="acme", at=AT)
    assert rates is not None
    used = Usage(
        requests=1,
        input_tokens=100,
        cached_tokens=50,
        cache_write_tokens=10,
        output_tokens=30,
        reasoning_tokens=20,
    )
    assert rates.cost(used) == Decimal("0.0000275") + Decimal("0.000001")
    assert rates.bound(100, 30) == Decimal("0.0000335") + Decimal("0.000001")
    assert rates.context_window == 32000


def test_what_a_file_does_not_say_of_a_cache_costs_as_much_as_other_input(tmp_path: Path) -> None:
    listed = prices(tmp_path, '[[price]]\nmodel = "m"\ninput = 2\noutput = 3\n')
    rates = listed.rates("m", provider=None, scope_id="acme", at=AT)
    assert rates is not None
    cached = Usage(input_tokens=MILLION, cached_tokens=600_000, cache_write_tokens=300_000)
    assert rates.cost(cached) == 2
    assert rates.context_window is None


def test_what_no_entry_is_about_has_no_price(tmp_path: Path) -> None:
    listed = prices(tmp_path, '[[price]]\nmodel = "m"\nprovider = "acme"\ninput = 2\noutput = 3\n')
    assert input_price(listed, "n", provider="acme") is None
    assert input_price(listed, "m", provider="openai") is None
    assert input_price(listed, "m", provider=None) is None
    assert input_price(listed, "m", provider="acme") == 2


def test_the_most_specific_entry_holds_and_then_the_first(tmp_path: Path) -> None:
    listed = prices(
        tmp_path,
        """
        price = [
          { model = "gpt-*", input = 1, output = 1 },
          { model = "gpt-5*", input = 2, output = 2 },
          { model = "gpt-5", input = 3, output = 3 },
          { model = "gpt-*", provider = "azure", input = 4, output = 4 },
          { model = "gpt-*", scope = "team-*", input = 5, output = 5 },
          { model = "*", scope = "team-a", input = 6, output = 6 },
        ]
        """,
    )
    assert input_price(listed, "gpt-5") == 3
    assert input_price(listed, "gpt-5-mini") == 1
    assert input_price(listed, "gpt-5", provider="azure") == 4
    assert input_price(listed, "gpt-5", scope="team-b") == 5
    assert input_price(listed, "gpt-5", scope="team-a") == 6


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[[price]]\nmodel = "m"\ninput = 1\n',
            "line 1, column 1: price[0].output: is missing",
        ),
        (
            '[[price]]\nmodel = "m"\ninput = "1"\noutput = 1\n',
            "line 3, column 1: price[0].input: must be a number of US dollars",
        ),
        (
            '[[price]]\nmodel = "m"\ninput = -0.5\noutput = 1\n',
            "line 3, column 1: price[0].input: must be a number of US dollars, 0 or more",
        ),
        (
            '[[price]]\nmodel = "m"\ninput = nan\noutput = 1\n',
            "line 3, column 1: price[0].input: must be a number of US dollars, 0 or more",
        ),
        (
            '[[price]]\nmodel = "m"\ninput = 1\noutput = 1\ncashed = 1\n',
            "line 5, column 1: price[0].cashed: unknown key; did you mean cached?",
        ),
        (
            '[[price]]\nmodel = " "\ninput = 1\noutput = 1\n',
            "line 2, column 1: price[0].model: is empty",
        ),
        (
            '[[price]]\nmodel = "m"\ninput = 1\noutput = 1\ncontext_window = 0\n',
            "line 5, column 1: price[0].context_window: must be greater than 0",
        ),
        ("[[prices]]\n", "line 1, column 1: prices: unknown key; did you mean price?"),
        ("[price]\n", "line 1, column 1: price: must be a list of tables"),
        ("price = \n", "line 1, column 9: is not valid TOML"),
        (
            '[[price]]\nmodel = "m"\ninput = 1\noutput = 1\n' * 2,
            "line 5, column 1: price[1]: says again what price[0] says, and would never hold",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        prices(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'prices.toml'}, {said}")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the price file .*none.toml cannot be read"):
        PriceList(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"# \xe9\n")
    with pytest.raises(ConfigError, match=r"latin.toml is not UTF-8"):
        PriceList(tmp_path / "latin.toml")


dollars = st.decimals(min_value=0, max_value=1000, places=6)
tokens = st.integers(min_value=0, max_value=10**7)


@given(rates=st.tuples(*[dollars] * 5), counts=st.tuples(*[tokens] * 4))
def test_no_request_costs_more_than_its_bound(
    rates: tuple[Decimal, ...], counts: tuple[int, ...]
) -> None:
    asked, answered, cached, written, each = rates
    priced = OverrideRates(
        input=asked, output=answered, cached=cached, cache_write=written, per_request=each
    )
    plain, from_cache, to_cache, output = counts
    whole = plain + from_cache + to_cache
    used = Usage(
        requests=1,
        input_tokens=whole,
        cached_tokens=from_cache,
        cache_write_tokens=to_cache,
        output_tokens=output,
    )
    assert priced.cost(used) <= priced.bound(whole, output)
