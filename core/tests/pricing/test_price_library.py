from __future__ import annotations

import decimal
import importlib
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from genai_prices.data_snapshot import get_snapshot
from steer.pricing import PriceList, Rates
from steer.values import Usage

AT = datetime(2026, 11, 26, 12, tzinfo=UTC)
USED = Usage(
    requests=1,
    input_tokens=300_001,
    cached_tokens=100_000,
    cache_write_tokens=50_000,
    output_tokens=2_000,
    reasoning_tokens=1_000,
)


def rates_of(model: str, provider: str | None = "openai") -> Rates | None:
    return PriceList().rates(model, provider=provider, scope_id="acme", at=AT)


def known(model: str, provider: str = "openai") -> Rates:
    rates = rates_of(model, provider)
    assert rates is not None
    return rates


def test_a_request_costs_what_the_list_says_cached_tokens_and_reasoning_included() -> None:
    used = Usage(
        requests=1, input_tokens=1_000, cached_tokens=400, output_tokens=100, reasoning_tokens=60
    )
    # gpt-5: 1.25 dollars a million, 0.125 from the cache, 10 for output, reasoning is output.
    assert known("gpt-5").cost(used) == Decimal("0.0018")
    assert known("gpt-5").context_window == 400_000


def test_the_tier_that_answered_is_what_is_paid() -> None:
    used = Usage(requests=1, input_tokens=1_000, output_tokens=100)
    rates = known("gpt-5")
    assert rates.cost(used, tier="priority") == 2 * rates.cost(used)
    assert rates.cost(used, tier="flex") == rates.cost(used) / 2
    assert rates.cost(used, tier="a tier that nobody knows") == rates.cost(used)


def test_what_the_list_does_not_know_has_no_price() -> None:
    assert rates_of("a-model-of-ours") is None
    assert rates_of("gpt-5", "a-provider-of-ours") is None
    # The same name costs another price elsewhere.
    assert rates_of("gpt-5", None) is None


def test_a_model_that_is_not_sold_by_the_token_has_no_price_rather_than_none_to_pay() -> None:
    snapshot = get_snapshot()
    _, hourly = snapshot.find_provider_model("whisper-1", None, "openai", None)
    assert hourly.get_prices(AT).output_mtok is None
    assert rates_of("whisper-1") is None


def test_no_request_to_any_model_costs_more_than_its_bound() -> None:
    priced = 0
    for provider in get_snapshot().providers:
        for model in provider.models:
            rates = rates_of(model.id, provider.id)
            if rates is None:
                continue
            bound = rates.bound(USED.input_tokens, USED.output_tokens)
            for tier in (None, "priority", "fast", "flex", "default"):
                assert rates.cost(USED, tier=tier) <= bound, (provider.id, model.id, tier)
            assert rates.bound(10, 10) <= rates.bound(11, 10) <= rates.bound(11, 11)
            priced += 1
    assert priced > 500


def test_counts_that_contradict_each_other_are_booked_at_the_larger() -> None:
    rates = known("gpt-5")
    odd = Usage(requests=1, input_tokens=10, cached_tokens=100, output_tokens=1, reasoning_tokens=5)
    plain = Usage(
        requests=1, input_tokens=100, cached_tokens=100, output_tokens=5, reasoning_tokens=5
    )
    assert rates.cost(odd) == rates.cost(plain)


def test_an_application_that_computes_with_few_digits_changes_no_price() -> None:
    exact = known("gpt-5").cost(USED)
    with decimal.localcontext(decimal.Context(prec=2)):
        assert known("gpt-5").cost(USED) == exact
        assert len(str(known("gpt-5").bound(123_456_789, 7))) > 5


def test_ones_own_prices_come_before_those_of_the_list(tmp_path: Path) -> None:
    file = tmp_path / "prices.toml"
    file.write_text('[[price]]\nmodel = "gpt-5"\nscope = "acme"\ninput = 1\noutput = 1\n')
    prices = PriceList(file)
    million = Usage(requests=1, input_tokens=1_000_000)
    ours = prices.rates("gpt-5", provider="openai", scope_id="acme", at=AT)
    theirs = prices.rates("gpt-5", provider="openai", scope_id="other", at=AT)
    assert ours is not None
    assert theirs is not None
    assert (ours.cost(million), theirs.cost(million)) == (Decimal(1), Decimal("1.25"))


def test_without_the_library_nothing_but_ones_own_prices_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> object:
        raise ImportError(name)

    file = tmp_path / "prices.toml"
    file.write_text('[[price]]\nmodel = "m"\ninput = 1\noutput = 1\n')
    prices = PriceList(file)
    monkeypatch.setattr(importlib, "import_module", missing)
    assert prices.rates("m", provider="openai", scope_id="acme", at=AT) is not None
    assert prices.rates("gpt-5", provider="openai", scope_id="acme", at=AT) is None
