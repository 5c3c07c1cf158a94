"""Offline: datasets, evaluation and the virtual world. Imported by the command line only, lazily."""

import models  # noqa: F401 that ONNX Runtime is told to keep to itself before anything here imports it
