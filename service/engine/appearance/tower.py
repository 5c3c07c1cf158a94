"""The image tower of an encoder pack as an appearance network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.arrays import Float32, Image
from models.crops import crop
from models.embedding import unit
from models.packs import EncoderManifest, Pack, Precision
from service.engine.engine_queue import EngineQueue
from service.engine.session import Session


class TowerAppearance:
    """Crops to the features of an encoder's image tower."""

    def __init__(
        self, pack: Pack, threads: int = 0, precision: Precision = "fp32", engines: EngineQueue | None = None
    ) -> None:
        """Load the image tower of an encoder pack.

        Args:
            pack: Verified.
            threads: Of one run on the CPU; 0 picks by cores.
            precision: Of the graph, where the pack has it.
            engines: Build a TensorRT engine for it.

        Raises:
            PackError: ``pack_kind``, if it is a pack of another kind; ``bad_graph``.
        """
        image = pack.manifest_of(EncoderManifest).image
        self._session = Session(pack.file(image.at(precision)), threads, engines)
        self._side, self._context = image.size, image.context
        self.name, self.identity = pack.name, f"{pack.name} {pack.hash[:12]}"
        self.dim = self.embed(np.full((1, image.size, image.size, 3), 127, np.uint8)).shape[1]

    def cut(self, picture: Image, box: Float32) -> Image:
        """As the encoder cuts it."""
        return crop(picture, box, self._side, self._context)

    def embed(self, crops: NDArray[np.uint8]) -> Float32:
        """``(N, D)`` of unit length; see ``AppearanceNetwork.embed``."""
        return unit(np.asarray(self._session.first(crops), np.float32))

    def close(self) -> None:
        """Free the graph. Idempotent."""
        self._session.close()
