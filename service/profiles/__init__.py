"""What is normal for one stream: the samples of its normal frames, the fit, and the file that keeps it."""
