"""What an alert's objects looked like is kept with it, so that a false alarm can teach."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sqlalchemy import select

from service.alerts.compose import AlertEvidence, alert_embeddings
from service.pipeline.scored import ScoredFrame
from service.presentation.message import scored_objects
from service.store.database import Database
from service.store.tables import alert_embeddings as table
from support.alerts import scored_frame, wait_until, with_embedding
from support.house import House

NOBODY = np.full((1, 4), np.nan, np.float32)
CLIP = np.array([[0.6, 0.8, 0.0, 0.0]], np.float32)


def evidence(frame: ScoredFrame) -> AlertEvidence:
    return AlertEvidence.of(frame, scored_objects(frame))


def test_the_embeddings_are_those_of_the_objects_that_stand_out() -> None:
    frame = scored_frame(0.0, 5.0)
    assert alert_embeddings("a", evidence(frame)) is None
    assert alert_embeddings("a", evidence(with_embedding(frame, NOBODY, "e1"))) is None
    found = alert_embeddings("a", evidence(with_embedding(frame, CLIP, "e1")))
    assert (found.alert_id, found.encoder) == ("a", "e1")
    np.testing.assert_allclose(found.vectors, CLIP, atol=1e-3)


def test_they_are_committed_with_the_alert(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        for index in range(30):
            frame = with_embedding(scored_frame(index / 10, 5.0), CLIP, "e1")
            alert_id = str(house.observe(frame, "Yard"))
        wait_until(lambda: len(kept(house.database, alert_id)))
        np.testing.assert_allclose(kept(house.database, alert_id), CLIP, atol=1e-3)


def kept(database: Database, alert_id: str) -> np.ndarray:
    """The vectors of an alert's objects, (0, 0) where none are kept."""
    with database.reading() as connection:
        row = connection.execute(select(table).where(table.c.alert_id == alert_id)).first()
    return np.zeros((0, 0)) if row is None else np.frombuffer(row.vectors, "<f2").reshape(-1, row.dim)
