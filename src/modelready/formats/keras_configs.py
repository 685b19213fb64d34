"""
Configurations of Keras models (``config.json`` in a ``.keras`` archive): the classes they name, and code they hold.

The form is that of keras/src/saving/serialization_lib.py; Keras before 3.9 imports whatever module one names.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What lies beside each other in such an archive.
PARTS = frozenset({"config.json", "metadata.json"})
LONGEST = 16 * 2**20
#: A layer that holds a function of Python, as marshalled code.
LAMBDA = "keras.layers.Lambda"
_OWN = frozenset({"keras", "keras_hub", "keras_cv", "keras_nlp", "tf_keras", "tensorflow", "builtins", ""})


class BrokenConfig(ValueError):
    """The text is no configuration."""


def named(text: bytes) -> Iterator[str]:
    """
    Give what the configuration *text* imports beside Keras itself, and ``LAMBDA`` where it holds code.

    Raises: BrokenConfig.
    """
    try:
        waiting: list[object] = [json.loads(text)]
    except (ValueError, RecursionError) as error:
        raise BrokenConfig("is no valid JSON") from error
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield from _named(one)
        if isinstance(one, dict | list):
            waiting += one.values() if isinstance(one, dict) else one


def _named(table: dict[str, object]) -> Iterator[str]:
    name, module = table.get("class_name"), table.get("module") or ""
    if name in {"__lambda__", "Lambda"}:
        yield LAMBDA
    elif isinstance(name, str) and str(module).partition(".")[0] not in _OWN:
        yield f"{module}.{table.get('config') if name == 'function' else name}"
