"""CLIP's tokenizer as a ``tokenizer.json``, so that no user of a pack needs ``open_clip``, ``ftfy`` or torch.

The vocabulary and the order of merges are those of ``open_clip.tokenizer.SimpleTokenizer``; its cleaning of text, which
``ftfy`` does, is written as normalisers: terminal escapes, C1 controls, Latin ligatures, full and half width, curly
quotes, line breaks, control characters, NFC, white space, lower case. Left out are its guesses at text that was
decoded wrongly ("mojibake") and HTML entities: nobody types them into a rule.
"""

from __future__ import annotations

from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

START, END = "<start_of_text>", "<end_of_text>"
FILLER = "!"
"""The token of id 0, which fills up: the towers look at the first end token and hide what follows it, or have learned
with these."""

_PIECES = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"
_CASED = r"[\p{Lu}\p{Ll}\p{Lt}]"
_CONTROLS = r"[\x{00}-\x{08}\x{0B}\x{0E}-\x{1F}\x{7F}\x{206A}-\x{206F}\x{FEFF}\x{FFF9}-\x{FFFC}]"


def clip_tokenizer(length: int = 77) -> Tokenizer:
    """Build it.

    Args:
        length: Tokens of a text, with start and end; longer texts lose their last words, shorter ones are filled up.

    Raises:
        ImportError: Without ``open_clip``, which brings the vocabulary.
    """
    from open_clip.tokenizer import SimpleTokenizer

    reference: Any = SimpleTokenizer()
    merges = sorted(reference.bpe_ranks, key=reference.bpe_ranks.__getitem__)
    tokenizer = Tokenizer(
        models.BPE(
            vocab=dict(reference.encoder),
            merges=[pair for pair in merges if len(pair) == 2],
            continuing_subword_prefix="",
            end_of_word_suffix="</w>",
        )
    )
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=True) for token in (START, END)])
    tokenizer.normalizer = normalizers.Sequence(_cleaning())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    ends = [(token, reference.encoder[token]) for token in (START, END)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{START} $A {END}", special_tokens=ends)
    tokenizer.enable_truncation(length)
    tokenizer.enable_padding(length=length, pad_id=0, pad_token=FILLER)
    return tokenizer


def _cleaning() -> list[normalizers.Normalizer]:
    from ftfy.chardata import LIGATURES, WIDTH_MAP

    replaced = {
        **{chr(code): chr(code).encode("latin-1").decode("cp1252", "ignore") for code in range(0x80, 0xA0)},
        **{chr(code): text for code, text in {**LIGATURES, **WIDTH_MAP}.items()},
    }
    return [
        normalizers.Replace(Regex(r"\x{1B}\[[\d;]*[a-zA-Z]"), ""),
        *(normalizers.Replace(character, text) for character, text in replaced.items() if text),
        normalizers.Replace(Regex(r"[\x{02BC}\x{2018}-\x{201B}]"), "'"),
        normalizers.Replace(Regex(r"[\x{201C}-\x{201F}]"), '"'),
        normalizers.Replace(Regex(_CONTROLS), ""),
        normalizers.NFC(),
        normalizers.Replace(Regex(r"\s+"), " "),
        normalizers.Strip(),
        # Lower case a character at a time does not know that a sigma that ends a word is another letter.
        normalizers.Replace(Regex(rf"(?<={_CASED})\x{{03A3}}(?!{_CASED})"), "\N{GREEK SMALL LETTER FINAL SIGMA}"),
        normalizers.Lowercase(),
    ]
