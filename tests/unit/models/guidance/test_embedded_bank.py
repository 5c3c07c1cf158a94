from __future__ import annotations

import numpy as np

from models.guidance.embedded_bank import EmbeddedBank
from support import words


def test_cosines_are_of_clips_and_nothing_where_there_is_none() -> None:
    embeddings = words.seen(("walking", 1.0), ("", 1.0)).embeddings
    cosines = EmbeddedBank(words.sentences(words.PHRASES), 0.1).cosines(embeddings)
    np.testing.assert_allclose(cosines[0], words.sentences(words.PHRASES) @ embeddings[0], atol=1e-6)
    assert not cosines[1].any()
