"""Towers of open_clip as packs: CLIP's blocks at their real width, one of twelve; whole ones in the benchmark."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from models.guidance.bank import Phrase
from models.packs import PackError
from support.networks import clip_checkpoint
from support.torch_vision import need_torchvision

MODEL = "ViT-B-32-quickgelu-one-block"
PHRASES = [Phrase(text=text, kind="action") for text in ("running", "walking a dog", "riding a bicycle", "falling")]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    need_torchvision()
    open_clip = pytest.importorskip("open_clip")
    folder = tmp_path_factory.mktemp("towers")
    config = open_clip.get_model_config("ViT-B-32-quickgelu")
    config["vision_cfg"]["layers"] = config["text_cfg"]["layers"] = 1
    (folder / f"{MODEL}.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder / f"{MODEL}.json")
    return clip_checkpoint(folder / "weights.safetensors", MODEL)


@pytest.fixture
def architecture():
    from export.towers import ARCHITECTURES

    return dataclasses.replace(ARCHITECTURES["clip-vit-b32"], model=MODEL)


@pytest.fixture
def samples():
    from export.encoder import SampleClips

    return SampleClips(np.random.default_rng(0).integers(0, 256, (8, 1, 224, 224, 3), dtype=np.uint8))


def test_the_service_gets_what_open_clip_gives(tmp_path, checkpoint, architecture, samples):
    import open_clip
    import torch
    from PIL import Image
    from tokenizers import Tokenizer

    from export.checkpoint import read_weights
    from export.towers import build_clip, export_clip
    from service.engine.session import Session

    pack, report = export_clip(tmp_path, "clip", architecture, checkpoint, PHRASES, samples)
    assert report.parity.keys() == {"image", "text"}
    assert all(parity.error < 1e-5 for parity in report.parity.values())
    manifest = pack.manifest
    assert (manifest.dim, manifest.image.size, manifest.text.length, manifest.sentence) == (512, 224, 77, False)
    assert manifest.temporal is None
    assert manifest.temperature == pytest.approx(0.07, rel=1e-3)

    clip = build_clip(architecture, read_weights(checkpoint))
    transform = open_clip.image_transform(224, is_train=False, mean=architecture.mean, std=architecture.std)
    crops = samples.crops[:3, 0]
    planes = torch.stack([transform(Image.fromarray(crop[..., ::-1])) for crop in crops])
    with torch.inference_mode():
        pictures = clip.encode_image(planes).numpy()
        texts = clip.encode_text(
            open_clip.get_tokenizer("ViT-B-32")([phrase.text for phrase in PHRASES]), normalize=True
        )
    found = Session(pack.file(manifest.image.graph), threads=1).first(crops)
    np.testing.assert_allclose(found, pictures, atol=1e-4)
    tokenizer = Tokenizer.from_file(str(pack.file(manifest.text.tokenizer)))
    tokens = np.array([tokenizer.encode(phrase.text).ids for phrase in PHRASES])
    found = Session(pack.file(manifest.text.graph), threads=1).first(tokens)
    np.testing.assert_allclose(found, texts.numpy(), atol=1e-5)
    np.testing.assert_allclose(pack.arrays("bank")["features"].astype(np.float32), texts.numpy(), atol=1e-5)


def test_weights_of_other_towers_are_refused(tmp_path, checkpoint, samples):
    from export.towers import ARCHITECTURES, export_clip

    with pytest.raises(PackError, match=r"expected the weights of ViT-B-32-quickgelu: .* missing"):
        export_clip(tmp_path, "clip", ARCHITECTURES["clip-vit-b32"], checkpoint, PHRASES, samples)
    assert not tmp_path.joinpath("clip").exists()
