"""Commands that make packs, of graphs and of official weights."""
