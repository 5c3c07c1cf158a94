"""The built-in image tower."""

import pytest

torch = pytest.importorskip("torch")

from models.networks.image_tower import SIZE, ImageTower  # noqa: E402


def test_bytes_and_floats_of_one_scale_are_the_same():
    tower = ImageTower(24).eval()
    crops = torch.randint(0, 256, (2, SIZE, SIZE, 3), dtype=torch.uint8)
    with torch.inference_mode():
        found = tower(crops)
        torch.testing.assert_close(found, tower(crops.float()))
    assert found.shape == (2, 24)


def test_it_sees_colour_and_place():
    tower = ImageTower(24).eval()
    crops = torch.zeros(1, SIZE, SIZE, 3, dtype=torch.uint8)
    crops[:, 8:24, 8:24, 2] = 255
    with torch.inference_mode():
        red = tower(crops)
        assert not torch.allclose(red, tower(crops.flip(3)), atol=1e-4)
        assert not torch.allclose(red, tower(crops.flip(1)), atol=1e-4)


def test_it_is_small_enough_for_the_pack():
    assert sum(each.numel() for each in ImageTower(384).parameters()) * 4 < 3.2e6
