"""The stages every frame passes, and the worker that runs them."""
