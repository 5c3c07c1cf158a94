"""An encoder's image tower says how objects look, too."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from models.packs import PackLibrary
from service.engine.appearance import appearance_of, load_appearance
from support.encoders import write_encoder


def test_an_encoder_pack_embeds_crops_as_its_image_tower_does(tmp_path):
    pack = write_encoder(tmp_path / "packs")
    picture = np.zeros((60, 80, 3), np.uint8)
    picture[:, :40], picture[:, 40:] = (0, 0, 255), (255, 0, 0)
    with closing(appearance_of(pack, threads=1)) as network:
        assert network.identity == f"colours {pack.hash[:12]}"
        places = (0.1, 0.2), (0.7, 0.2), (0.05, 0.5)
        sides = [np.array([*place, 0.2, 0.2], np.float32) for place in places]
        red, blue, again = network.embed(np.stack([network.cut(picture, box) for box in sides]))
    assert np.linalg.norm([red, blue], axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert red @ again > 0.99 > red @ blue + 0.2


def test_it_is_named_as_other_packs_are(tmp_path):
    write_encoder(tmp_path / "packs")
    with closing(load_appearance("colours", PackLibrary([tmp_path / "packs"]), threads=1)) as network:
        assert network.name == "colours"
