"""The sentences to distil with."""

from __future__ import annotations

import pytest

from training.text.corpus import MAX_WORDS, corpus
from training.text.paraphrases import Paraphrases

SYNSETS = {
    "noun": [
        '02084071 05 n 02 dog 0 domestic_dog 1 001 @ 02083346 n 0000 | a tame canid; "the dog barked all night"',
        "02958343 06 n 01 handcart 0 001 @ 03791235 n 0000 | a small cart pushed by hand  ",
        "10001217 18 n 02 Dryad 0 farmhand 0 001 @ 10001217 n 0000 | someone who works on a farm  ",
    ],
    "verb": [
        "01904930 38 v 01 walk 0 001 @ 01835496 v 0000 01 + 02 00 | use one's feet to advance; \"Walk, don't run!\"  "
    ],
    "adj": ["00001740 00 a 01 able(p) 0 000 | having the necessary means  "],
    "adv": ["00001740 02 r 01 slowly 0 000 | cyclists  "],
}


@pytest.fixture
def wordnet(tmp_path):
    for name, lines in SYNSETS.items():
        text = "\n".join(["  1 This software and database is being provided to you", *lines])
        (tmp_path / f"data.{name}").write_text(text + "\n")
    return tmp_path


def test_definitions_examples_words_and_nouns_in_sentences(wordnet) -> None:
    sentences = corpus(300, wordnet=wordnet)
    assert {
        "a tame canid",
        "the dog barked all night",
        "dog",
        "Walk, don't run!",
        "able",
        "having the necessary means",
    } <= set(sentences)
    assert any("handcart" in sentence and sentence.count(" ") > 1 for sentence in sentences)
    assert any("farmhand" in sentence for sentence in sentences)
    assert not any("This software" in sentence for sentence in sentences)


def test_each_sentence_once_short_and_the_same_for_a_seed(wordnet) -> None:
    sentences = corpus(500, seed=3, wordnet=wordnet)
    assert len(set(sentences)) == len(sentences)
    assert max(sentence.count(" ") for sentence in sentences) < MAX_WORDS
    assert sentences == corpus(500, seed=3, wordnet=wordnet)
    assert sentences != corpus(500, seed=4, wordnet=wordnet)


def test_held_out_wording_is_not_among_them(wordnet) -> None:
    """`cyclists` is held out, and stands in the adverb's definition above."""
    held_out = {text.casefold() for text in Paraphrases.load().sentences()}
    assert "cyclists" in held_out
    assert not held_out & {sentence.casefold() for sentence in corpus(5000, wordnet=wordnet)}


def test_without_wordnet(tmp_path) -> None:
    assert 100 < len(corpus(200, wordnet=None)) <= 200
    with pytest.raises(FileNotFoundError):
        corpus(10, wordnet=tmp_path / "none")
