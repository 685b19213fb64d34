"""What programs register for download, and which files of the well-known families are needed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from modelready import addresses
from modelready.errors import RequestError
from modelready.model import Model, Source

if TYPE_CHECKING:
    from collections.abc import Callable

#: The files that a family needs, by kind and by a glob over its id or repository; all others need everything.
FAMILIES = {
    ("caption", "*wd*v3*"): ("*.onnx", "*.csv"),
    ("detection", "*jtp*2*"): ("JTP_PILOT2/*",),
    ("detection", "*jointtagger*"): ("JTP_PILOT2/*",),
}
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class ModelInfo:
    """A model that a program registered. The estimates are shown until its source tells better."""

    model_id: str
    kind: str  # caption, detection, generic
    description: str = ""
    repo_id: str = ""
    include: tuple[str, ...] = ()
    total_size_estimate: int = 0
    file_count_estimate: int = 0
    model_path: Path | None = None
    download_func: Callable[..., object] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.model_id):
            raise RequestError(
                f"{self.model_id!r} is no id of a model; expected letters, digits, dots, - and _, at most 100",
                remedy="choose another id",
            )

    @property
    def model(self) -> Model | None:
        """Give it as a catalog would name it; None where only a function knows how it comes."""
        if not self.repo_id:
            return None
        return Model(
            name=self.model_id,
            source=Source(f"hf:{self.repo_id}", "hf", self.repo_id),
            layout="hub-cache",
            title=self.description,
            include=self.include,
            kind=self.kind,
        )

    def row(self) -> str:
        """Give it as text, for other processes."""
        return json.dumps(
            {
                "kind": self.kind,
                "description": self.description,
                "repo_id": self.repo_id,
                "include": self.include,
                "total_size_estimate": self.total_size_estimate,
                "file_count_estimate": self.file_count_estimate,
            }
        )


def of_family(  # noqa: PLR0913 - what a program registers
    kind: str, model_id: str, repo_id: str, *, description: str, total_size_estimate: int, file_count_estimate: int
) -> ModelInfo:
    """
    Give a model of the Hub, with only the files that its family needs.

    Raises: RequestError, for an id or a repository that is none.
    """
    try:
        source = addresses.parse(f"hf:{repo_id}", Path())
    except ValueError as error:
        raise RequestError(f"{model_id}: {error}", remedy="correct the repository's name") from error
    names = (model_id.lower(), source.address.lower())
    include = next(
        (files for (of, glob), files in FAMILIES.items() if of == kind and any(fnmatch(name, glob) for name in names)),
        (),
    )
    return ModelInfo(model_id, kind, description, source.address, include, total_size_estimate, file_count_estimate)


def read(model_id: str, row: str) -> ModelInfo | None:
    """Give what another process registered; None where a later version wrote what this one cannot read."""
    try:
        found = json.loads(row)
        return ModelInfo(
            model_id,
            kind=str(found["kind"]),
            description=str(found["description"]),
            repo_id=str(found["repo_id"]),
            include=tuple(found["include"]),
            total_size_estimate=int(found["total_size_estimate"]),
            file_count_estimate=int(found["file_count_estimate"]),
        )
    except (KeyError, TypeError, ValueError, RequestError):
        return None
