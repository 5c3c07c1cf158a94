"""The virtual camera: a procedural world that knows its own ground truth."""
