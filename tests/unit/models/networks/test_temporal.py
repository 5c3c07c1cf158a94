"""Equation 2 of the svad paper, and what surrounds it."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from models.networks.temporal import TemporalFusion  # noqa: E402


def fusion(**options):
    torch.manual_seed(0)
    return TemporalFusion(12, frames=5, width=8, heads=2, layers=1, **options).eval()


def test_equation_2_against_plain_numpy():
    network = fusion(alpha=0.6, beta=0.25)
    frames = torch.randn(3, 5, 12)
    fused = []
    network.leave.register_forward_hook(lambda _m, _i, output: fused.append(output.detach().numpy()))
    with torch.inference_mode():
        found = network(frames).numpy()
    expected = 0.6 * fused[0] + 0.25 * frames[:, 2].numpy()
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_without_fusion_the_clip_is_its_middle_frame():
    frames = torch.randn(2, 5, 12)
    with torch.inference_mode():
        found = fusion(alpha=0.0, beta=1.0)(frames)
    torch.testing.assert_close(found, torch.nn.functional.normalize(frames[:, 2], dim=-1))


def test_order_of_the_frames_matters():
    network, frames = fusion(beta=0.0), torch.randn(1, 5, 12)
    with torch.inference_mode():
        assert not torch.allclose(network(frames), network(frames.flip(1)), atol=1e-3)


def test_all_frames_by_number_are_all_frames():
    network, frames = fusion(), torch.randn(2, 5, 12)
    with torch.inference_mode():
        torch.testing.assert_close(network(frames), network(frames, None, torch.arange(5).expand(2, 5)))


def test_geometry_counts_where_it_is_wanted():
    network, frames = fusion(geometry=True), torch.randn(2, 5, 12)
    with torch.inference_mode():
        still = network(frames, torch.zeros(2, 5, 5))
        moving = network(frames, torch.ones(2, 5, 5))
    assert not torch.allclose(still, moving, atol=1e-4)


@pytest.mark.parametrize(("wanted", "given"), [(True, None), (False, torch.zeros(2, 5, 5))])
def test_geometry_given_against_wanted(wanted, given):
    with pytest.raises(ValueError, match="geometry"):
        fusion(geometry=wanted)(torch.randn(2, 5, 12), given)
