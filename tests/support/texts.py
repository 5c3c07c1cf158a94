"""Two hundred strings that a tokeniser may be given: empty, endless, of other scripts, of no script at all."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Sequence

_BY_HAND = (
    "",
    " ",
    "\t\n\r\n ",
    "a",
    "a person riding a bicycle",
    "A PERSON'S DOG DOESN'T RUN!!",
    "someone's, they're, I've, I'm, we'll, he'd, isn't",
    "two men fighting, one on the ground",
    "x" * 10_000,
    "word " * 2_000,
    "running " * 75,
    "a b " * 37 + "end",
    "1234567890 12.5 3,14 1/2 \u00bd \u2167 \u0664\u0665",
    "hello...!!!???;:--()[]{}<>@#$%^&*_+=~`|\\/",
    "caf\u00e9 na\u00efve \u00e5ngstr\u00f6m \u0141\u00f3d\u017a \u00df \u00c6",
    "cafe\u0301 nai\u0308ve a\u030angstro\u0308m",
    "\u0301 alone",
    "I\u0307stanbul \u0130stanbul \u0131",
    "\u039f\u0394\u039f\u03a3 \u03a3\u039f\u03a6\u039f\u03a3. \u03a3 \u03a3\u0391",
    "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8",
    "\u4e00\u4e2a\u4eba\u5728\u9a91\u81ea\u884c\u8f66",
    "\u0447\u0435\u043b\u043e\u0432\u0435\u043a \u0415\u0414\u0415\u0422",
    "\u0631\u062c\u0644 \u064a\u0631\u0643\u0628 \u062f\u0631\u0627\u062c\u0629",
    "\u05d0\u05d9\u05e9 \u05e8\u05d5\u05db\u05d1",
    "\u0938\u093e\u0907\u0915\u093f\u0932 \u091a\u0932\u093e\u0924\u093e",
    "\u0e04\u0e19\u0e02\u0e35\u0e48\u0e08\u0e31\u0e01\u0e23\u0e22\u0e32\u0e19",
    "\ud55c\uad6d\uc5b4 \u1112\u1161\u11ab",
    "\U0001f600 a \U0001f468\u200d\U0001f469\u200d\U0001f467 family \U0001f1eb\U0001f1f7 \U0001f44d\U0001f3fd",
    "\U0001f6b2" * 100,
    "\U0001d504\U0001d4f1 \U00020000",
    "\uff26\uff55\uff4c\uff4c\u3000\uff57\uff49\uff44\uff54\uff48 \uff76\uff9e",
    "\ufb01re \ufb02y \ufb03 \u0133 \u01c4",
    "\u201ccurly\u201d \u2018quotes\u2019 don\u2019t",
    "a\x00b\x01c\x07d\x7fe",
    "a\x1b[31mred\x1b[0m b\x1b[2J",
    "line\u2028separator\u2029paragraph\x0bvertical\x0cfeed\x85next",
    "a\u200bzero\u200cwidth\u200d\u2060joiners\u00adsoft",
    "\ufeffbyte order mark \ufffd",
    "non\u00a0breaking\u2003em\u3000wide",
    "<end_of_text> typed by hand <start_of_text>",
    "[CLS] [SEP] [PAD] [UNK] [MASK]",
    "\U000e0001\U000e0020 tags \ue000 private",
)

_RANGES = (
    (0x20, 0x7E),
    (0xC0, 0x24F),
    (0x370, 0x3FF),
    (0x400, 0x4FF),
    (0x5D0, 0x5EA),
    (0x620, 0x64A),
    (0x904, 0x939),
    (0xE01, 0xE3A),
    (0x3041, 0x3096),
    (0x4E00, 0x4FFF),
    (0xAC00, 0xAD00),
    (0x1F300, 0x1F5FF),
    (0x2190, 0x22FF),
    (0x1, 0x1F),
)


def odd_texts(count: int = 200) -> list[str]:
    """That many texts, always the same: those made by hand, then words of random letters of one script or of all.

    Code points that Unicode has not assigned are left out: what they are changes from version to version.
    """
    source = random.Random(7)
    texts = list(_BY_HAND)
    while len(texts) < count:
        scripts = [source.choice(_RANGES)] if source.random() < 0.6 else _RANGES
        words = [
            "".join(_letter(source, scripts) for _ in range(source.randint(1, 12)))
            for _ in range(source.randint(1, 40))
        ]
        texts.append(" ".join(words))
    return texts[:count]


def _letter(source: random.Random, scripts: Sequence[tuple[int, int]]) -> str:
    while True:
        letter = chr(source.randint(*source.choice(scripts)))
        if unicodedata.category(letter) != "Cn":
            return letter
