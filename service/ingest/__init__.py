"""From a camera's URL to prepared frames: one thread a stream."""
