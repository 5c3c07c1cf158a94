"""CLIP's tokenizer.json against the tokenizer that CLIP was trained with."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer

from support.texts import odd_texts
from support.torch_vision import need_torchvision


@pytest.fixture(scope="module")
def reference():
    need_torchvision()
    pytest.importorskip("ftfy")
    return pytest.importorskip("open_clip.tokenizer").SimpleTokenizer()


@pytest.fixture(scope="module")
def tokenizer(reference, tmp_path_factory):
    from export.clip_tokenizer import clip_tokenizer

    path = tmp_path_factory.mktemp("clip") / "tokenizer.json"
    clip_tokenizer().save(str(path))
    return Tokenizer.from_file(str(path))


@pytest.mark.parametrize("length", [77, 16])
def test_tokens_are_the_reference_s(reference, tokenizer, length):
    """Ids, where a text is cut, and what fills it up."""
    tokenizer.enable_truncation(length)
    tokenizer.enable_padding(length=length, pad_id=0, pad_token="!")
    texts = odd_texts()
    assert len(set(texts)) == 200
    expected = reference(texts, context_length=length).tolist()
    wrong = {}
    for text, ids, encoding in zip(texts, expected, tokenizer.encode_batch(texts), strict=True):
        if encoding.ids != ids:
            wrong[text[:60]] = (ids, encoding.ids)
    assert wrong == {}


def test_every_token_of_the_vocabulary_is_there(reference, tokenizer):
    assert tokenizer.get_vocab(with_added_tokens=True) == reference.encoder
