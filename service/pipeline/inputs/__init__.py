"""What heads look at: buffers over the frames of a stream, filled once for all heads."""
