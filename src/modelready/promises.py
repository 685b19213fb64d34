"""What the checks promise: their docstrings, read without importing them."""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING

from modelready import packaged

if TYPE_CHECKING:
    from pathlib import Path

#: The files of checks, in the order in which they judge a model.
ORDER = ("files", "weights", "tokenizers", "cache", "layouts", "machine")


def of_checks() -> dict[str, str]:
    """Give the text of every check by its id, in the order in which they judge."""
    found = packaged.folder("checks").glob("[!_]*.py")
    files = sorted(found, key=lambda path: (ORDER.index(path.stem), path.stem))
    return {name: text for path in files for name, text in _of_file(path).items()}


def _of_file(path: Path) -> dict[str, str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    checks = [one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")]
    return {
        f"{path.stem}.{one.name.removeprefix('test_')}": inspect.cleandoc(ast.get_docstring(one) or "")
        for one in checks
    }
