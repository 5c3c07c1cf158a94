"""The text tower: what fills a text up changes nothing, and its halves make the whole."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from models.networks.text_tower import PAD, TextTower  # noqa: E402


def tower(depth: int) -> TextTower:
    torch.manual_seed(0)
    network = TextTower(50, width=64, depth=depth, length=12, dim=20).eval()
    for name, weight in network.named_parameters():
        if name == "positions":
            torch.nn.init.normal_(weight)
    return network


TOKENS = torch.tensor([[5, 6, 7, PAD, PAD], [9, 8, 7, 6, 5]])


@pytest.mark.parametrize("depth", [0, 2])
def test_unit_length_whatever_fills_it_up(depth: int) -> None:
    network = tower(depth)
    with torch.inference_mode():
        made = network(TOKENS)
        longer = network(torch.nn.functional.pad(TOKENS, (0, 4), value=PAD))
    assert made.shape == (2, 20)
    torch.testing.assert_close(made.norm(dim=1), torch.ones(2))
    torch.testing.assert_close(made, longer, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("depth", "knows_order"), [(0, False), (2, True)])
def test_only_layers_know_the_order_of_words(depth: int, knows_order: bool) -> None:
    with torch.inference_mode():
        forwards, backwards = tower(depth)(torch.tensor([[5, 6, 7], [7, 6, 5]]))
    assert bool((forwards - backwards).abs().max() > 1e-3) is knows_order


def test_embedded_tokens_can_be_put_in_by_hand() -> None:
    network = tower(2)
    with torch.inference_mode():
        embedded = network.embed_tokens(TOKENS)
        assert embedded.shape == (2, 5, 64)
        torch.testing.assert_close(network.encode_embedded(embedded, TOKENS != PAD), network(TOKENS))


def test_an_empty_text_is_finite() -> None:
    with torch.inference_mode():
        assert torch.isfinite(tower(2)(torch.full((2, 4), PAD))).all()


def test_a_width_that_makes_no_heads_is_refused() -> None:
    with pytest.raises(ValueError, match="got 100"):
        TextTower(50, width=100)
