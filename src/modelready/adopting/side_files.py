"""What CivitAI's tools write beside a file: which version of which model it is, and what its bytes hash to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modelready.adopting.structure import SIDE_FILES
from modelready.consumers import reading

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Told:
    """A file of a version on CivitAI."""

    source: str
    path: str
    title: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)


def read(place: Path) -> Told | None:
    """
    Give what a side file says of the weights at *place*; None where there is none that can be used.

    ``NAME.civitai.info`` is what the API answers of a version (CivitAI Helper); ``NAME.metadata.json`` holds that
    under ``civitai`` (LoRA Manager).
    """
    for ending in SIDE_FILES:
        try:
            held = reading.table(place.with_name(place.stem + ending))
        except reading.Unreadable:
            continue
        inner = held.get("civitai")
        version = inner if isinstance(inner, dict) else held
        if (told := _told(place, version, held)) is not None:
            return told
    return None


def _told(place: Path, version: dict[str, Any], held: dict[str, Any]) -> Told | None:
    number = version.get("id") or version.get("VersionId")
    if isinstance(number, bool) or not isinstance(number, int):
        return None
    rows = version.get("files")
    files = [one for one in rows if isinstance(one, dict)] if isinstance(rows, list) else []
    known = str(held.get("sha256") or held.get("SHA256") or "").lower()
    file = _meant(place, files, known)
    sha256 = _sha256(file) or known
    chosen = f"?fileId={file['id']}" if len(files) > 1 and isinstance(file.get("id"), int) else ""
    return Told(
        source=f"civitai:{number}{chosen}",
        path=str(file.get("name") or place.name),
        title=_title(version, held),
        digests={"sha256": sha256} if _SHA256.fullmatch(sha256) else {},
    )


def _meant(place: Path, files: list[dict[str, Any]], sha256: str) -> dict[str, Any]:
    """Give the one of *files* that lies at *place*: by digest, by name, the primary one, or the first."""
    tests = (
        lambda one: bool(sha256) and _sha256(one) == sha256,
        lambda one: one.get("name") == place.name,
        lambda one: one.get("primary") is True,
        lambda _: True,
    )
    return next((one for test in tests for one in files if test(one)), {})


def _sha256(file: dict[str, Any]) -> str:
    hashes = file.get("hashes")
    return str(hashes.get("SHA256") or "").lower() if isinstance(hashes, dict) else ""


def _title(version: dict[str, Any], held: dict[str, Any]) -> str:
    model = version.get("model")
    name = held.get("model_name") or (model.get("name") if isinstance(model, dict) else "") or ""
    return " ".join(f"{name} {version.get('name') or ''}".split())
