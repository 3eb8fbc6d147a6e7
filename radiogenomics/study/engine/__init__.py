"""How steps run: what goes into each, where its results lie, and when they count as finished."""
