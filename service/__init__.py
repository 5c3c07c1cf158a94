"""The online half of Watchword: ingest, pipeline, alerts, sinks, store, API and command line."""

import models  # noqa: F401 that ONNX Runtime is told to keep to itself before anything here imports it
