"""From trained graphs to packs that the service runs."""

import models  # noqa: F401 that ONNX Runtime is told to keep to itself before anything here imports it
