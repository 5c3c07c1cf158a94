"""Equations 4 to 6 of the svad paper: prompts around the words of an action."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from models.networks.prompts import ClipTokens, Prompts, insert  # noqa: E402
from models.networks.text_tower import TextTower  # noqa: E402
from support.torch_vision import need_torchvision  # noqa: E402

PAD, START, END = 0, 1, 2


def rows(*texts):
    longest = max(map(len, texts))
    return torch.tensor([[*text, *[PAD] * (longest - len(text))] for text in texts])


def embed(tokens):
    """An embedding that can be read back: the token's number."""
    return tokens.float().unsqueeze(-1)


def read(embedded, mask):
    return [[int(value) for value, there in zip(row[:, 0], keep, strict=True) if there] for row, keep in
            zip(embedded, mask, strict=True)]  # fmt: skip


VECTORS = torch.tensor([[-1.0], [-2.0], [-3.0], [-4.0]])


def test_equation_5_in_a_framed_tower():
    tokens = rows([START, 7, 8, 9, END], [START, 5, END])
    found = read(*insert(embed(tokens), tokens != PAD, VECTORS, 77, framed=True))
    assert found == [[START, -1, -2, 7, 8, 9, -3, -4, END], [START, -1, -2, 5, -3, -4, END]]


def test_equation_5_in_an_unframed_tower():
    tokens = rows([7, 8, 9], [5])
    found = read(*insert(embed(tokens), tokens != PAD, VECTORS, 32, framed=False))
    assert found == [[-1, -2, 7, 8, 9, -3, -4], [-1, -2, 5, -3, -4]]


@pytest.mark.parametrize(
    ("text", "framed", "expected"),
    [
        ([START, 7, 8, 9, END], True, [START, -1, -2, 7, 8, -3, -4, END]),
        ([4, 5, 6, 7, 8, 9], False, [-1, -2, 4, 5, 6, 7, -3, -4]),
    ],
)
def test_a_text_too_long_loses_its_last_words(text, framed, expected):
    tokens = rows(text)
    assert read(*insert(embed(tokens), tokens != PAD, VECTORS, 8, framed=framed)) == [expected]


def test_no_room_for_a_word():
    tokens = rows([START, 7, END])
    with pytest.raises(ValueError, match="leave room for a word in 6 tokens, got 4"):
        insert(embed(tokens), tokens != PAD, VECTORS, 6, framed=True)


def test_equation_6_without_prompts_is_the_tower_itself():
    torch.manual_seed(0)
    tower = TextTower(50, width=64, depth=1, length=12, dim=16).eval()
    tokens = rows([4, 9, 30], [7])
    with torch.inference_mode():
        torch.testing.assert_close(Prompts(tower, 0, framed=False)(tokens), tower(tokens))


def test_only_the_prompts_learn():
    torch.manual_seed(0)
    tower = TextTower(50, width=64, depth=1, length=12, dim=16).requires_grad_(requires_grad=False).eval()
    prompts = Prompts(tower, 4, framed=False)
    prompts(rows([4, 9], [7])).sum().backward()
    assert [name for name, _ in prompts.named_parameters()] == ["vectors"]
    assert float(prompts.vectors.grad.abs().min()) > 0


def test_clip_without_prompts_is_clip():
    need_torchvision()
    open_clip = pytest.importorskip("open_clip")
    torch.manual_seed(0)
    vision = open_clip.CLIPVisionCfg(layers=1, width=64, patch_size=16, image_size=32)
    text = open_clip.CLIPTextCfg(width=64, heads=2, layers=2)
    clip = open_clip.CLIP(32, vision, text).eval()
    tokens = open_clip.get_tokenizer("ViT-B-32")(["a person riding a bicycle", "walk"])
    with torch.inference_mode():
        expected = torch.nn.functional.normalize(clip.encode_text(tokens), dim=-1)
        found = Prompts(ClipTokens(clip), 0)(tokens)
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=1e-5)
