"""Model files brought to a machine and proved ready to load."""

__version__ = "0.1.0"
