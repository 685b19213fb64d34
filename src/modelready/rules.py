"""What the ``[[model.file]]`` rows of a model say about one path."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from modelready import addresses
from modelready.errors import RequestError
from modelready.patterns import is_literal, matches, matches_one

if TYPE_CHECKING:
    from pathlib import Path

    from modelready.model import FileRule, Model

_FILLED = ("min_size", "size", "save_as", "dtype", "name_from")


def rule_for(model: Model, path: str) -> FileRule | None:
    """Give what the rows of *model* say of *path*: the exact row first, then patterns in order; None for none."""
    rows = sorted((row for row in model.files if matches_one(path, row.path)), key=lambda row: row.path != path)
    if not rows:
        return None
    merged = rows[0]
    for row in rows[1:]:
        merged = _filled(merged, row)
    return merged


def _filled(strong: FileRule, weak: FileRule) -> FileRule:
    """Fill from *weak* what *strong* leaves open."""
    told = {digest.algorithm for digest in strong.digests}
    digests = strong.digests + tuple(digest for digest in weak.digests if digest.algorithm not in told)
    values = {
        name: getattr(strong, name) if getattr(strong, name) is not None else getattr(weak, name) for name in _FILLED
    }
    allowed = tuple(dict.fromkeys(strong.allow_globals + weak.allow_globals))
    return replace(strong, digests=digests, allow_globals=allowed, **values)


def named_paths(model: Model) -> tuple[str, ...]:
    """Give the paths that *model* names without a wildcard: by rows, by ``include``, or as the end of a URL."""
    rows = [row.path for row in model.files]
    included = [path for path in model.include if not matches(path, model.exclude)]
    return tuple(dict.fromkeys(path for path in rows + included + end_of_url(model) if is_literal(path)))


def end_of_url(model: Model) -> list[str]:
    """Give the name a URL ends in, unless the server is to name the file."""
    name = addresses.file_name(model.source)
    is_named_by_server = any(row.name_from for row in model.files)
    return [name] if name and not is_named_by_server else []


def destination(model: Model, path: str) -> Path:
    """
    Give where *path* of the source lies in the folder of *model*.

    Raises: RequestError, for a model whose folder is not known (its variable is not set).
    """
    if model.folder is None:
        raise RequestError(
            f"{model.name}: its folder is not known", remedy=f"set the variable its folder names ({model.catalog})"
        )
    return model.folder / saved_path(path, rule_for(model, path))


def saved_path(path: str, rule: FileRule | None) -> str:
    """Give the path under its folder that *rule* gives the file at *path* of the source."""
    return rule.save_as if rule and rule.save_as else path
