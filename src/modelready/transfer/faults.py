"""What only a transfer can meet."""


class Outdated(Exception):
    """The file was begun anew meanwhile: what this connection brings belongs to the old attempt."""
