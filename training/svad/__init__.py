"""Training of the svad method: encoder, prompts, and the packs made of them."""
