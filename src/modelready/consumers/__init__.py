"""
Who will open the files: one module an application, each saying what it needs and where it looks.

Every rule names the line of the application's own source or documentation that it follows.
"""

from modelready.consumers.setting import Setting

__all__ = ["Setting"]
