"""Placed models held against what formats and layouts know: pure reading, every finding a fault with its remedy."""
