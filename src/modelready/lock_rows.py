"""The shape of a lock. Import it late: it imports pydantic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from modelready.errors import RequestError
from modelready.patterns import safe_relative
from modelready.sizes import LARGEST

if TYPE_CHECKING:
    from pathlib import Path


def _below(path: str) -> str:
    safe_relative(path)
    return path


def _revision(text: str) -> str:
    # It becomes the name of a folder in a Hub cache.
    if text:
        safe_relative(text)
    return text


Hex32 = Annotated[str, Field(pattern=r"^[0-9a-f]{32}\z")]
Hex40 = Annotated[str, Field(pattern=r"^[0-9a-f]{40}\z")]
Hex64 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}\z")]


class Row(BaseModel):
    """An object of a lock; keys that a later version adds are passed over."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class FileRow(Row):
    """What is known of one file."""

    size: Annotated[int, Field(ge=0, le=LARGEST)] | None = None
    sha256: Hex64 | None = None
    git_sha1: Hex40 | None = None
    sha1: Hex40 | None = None
    md5: Hex32 | None = None
    xet_hash: Hex64 | None = None
    blob_id: Hex40 | None = None


class ModelRow(Row):
    """What is known of one model."""

    source: str
    include: list[str]
    exclude: list[str]
    revision: Annotated[str, AfterValidator(_revision)]
    licence: str | None = None
    gated: bool | None = None
    files: dict[Annotated[str, AfterValidator(_below)], FileRow]


class Lock(Row):
    """The whole file."""

    models: dict[str, ModelRow]


def read(document: dict[str, Any], path: Path, *, remedy: str) -> dict[str, ModelRow]:
    """
    Give the rows of *document* by name of model.

    Raises: RequestError, naming the first place of *path* that makes no sense.
    """
    try:
        return Lock.model_validate(document).models
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in found["loc"])
    told = found["msg"].removeprefix("Value error, ")
    raise RequestError(f"{path}: {place}: {told[:1].lower()}{told[1:]}", remedy=remedy)
