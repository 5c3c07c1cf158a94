"""What a model is: packs, heads and scoring, in numpy. Nothing outside ``models.networks`` imports torch."""
