"""What a model is: packs, heads and scoring, in numpy. Nothing outside ``models.networks`` imports torch."""

import os

# Before anything imports ONNX Runtime, which otherwise keeps a device id in the home folder and tells its maker what it
# runs on. Whoever wants that sets the variable to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
