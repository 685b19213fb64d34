"""A version of a model at CivitAI: the files it lists, which of them are meant, and names they may be given here."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelready import patterns, sizes
from modelready.errors import NotFound, PatternWithoutMatch, RequestError
from modelready.model import HEX_LENGTHS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modelready.errors import ModelreadyError
    from modelready.model import Model

_KIB = 1024
_FORBIDDEN = frozenset('<>:"/\\|?*')
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_HEX = re.compile(r"[0-9a-f]+")
_GONE = {"Archived": "is archived", "TakenDown": "was taken down"}


class Unlike(ValueError):
    """The API answers otherwise than CivitAI does; this says what it lacks."""


@dataclass(frozen=True, slots=True)
class VersionFile:
    """One file of a version: its id, the name it may have here, and what CivitAI says of it."""

    id: str
    name: str
    about: tuple[str, ...] = ()  # type, format, precision, size: for people
    size_kb: float | None = None  # in units of 1,024 bytes, and rounded: good for a doubt, not for a proof
    sha256: str | None = None
    is_primary: bool = False

    def told(self) -> str:
        """Give the file as a person chooses among several."""
        size = () if self.size_kb is None else (f"about {sizes.told(round(self.size_kb * _KIB))}",)
        words = (*self.about, *size, *(("primary",) if self.is_primary else ()))
        return f"fileId={self.id} {self.name!r}" + (f" ({', '.join(words)})" if words else "")

    def differs_from(self, size: int) -> bool:
        """Tell whether *size* cannot be what CivitAI rounded."""
        return self.size_kb is not None and abs(size / _KIB - self.size_kb) > 1


def read(document: Any, version: str) -> tuple[VersionFile, ...]:
    """
    Give the files that the API lists for *version*.

    Raises: Unlike; NotFound, where the version is offered no more.
    """
    if not isinstance(document, dict) or str(document.get("id")) != version:
        raise Unlike("no version of that id")
    listed = document.get("files")
    if not isinstance(listed, list):
        raise Unlike("no list of files")
    if not listed:
        why = _GONE.get(str(_table(document.get("model")).get("mode")), "lists no file")
        raise NotFound(f"version {version} is offered no more: it {why}", remedy="choose another version")
    return tuple(_file(entry) for entry in listed)


def choose(model: Model, files: Sequence[VersionFile]) -> tuple[VersionFile, ...]:
    """
    Give those of *files* that *model* means.

    That is the one of ``fileId``; what ``include`` and ``exclude`` leave; or the primary one, which is what CivitAI's
    own button brings. Files that the catalog names exactly are always among them.

    Raises: NotFound, PatternWithoutMatch, or RequestError where two would have one name, or none is the primary.
    """
    chosen = _chosen(model, files)
    if lacking := _unmatched(model, chosen):
        raise PatternWithoutMatch(
            f"{', '.join(lacking)}: no file of {model.source.text} is named so; {_all_told(chosen or files)}",
            remedy="correct it in the catalog",
        )
    counted = Counter(one.name.casefold() for one in chosen)
    if twins := [one for one in chosen if counted[one.name.casefold()] > 1]:
        raise _ambiguous(model, "several files that are wanted have one name", twins)
    return chosen


def safe_name(name: str) -> str:
    """
    Give *name* as a file may be called on every system: it comes from outside, and is never a path.

    What harmless names hold stays. Raises: Unlike, where nothing is left of it.
    """
    letters = ("_" if one in _FORBIDDEN or unicodedata.category(one) in _INVISIBLE else one for one in name)
    safe = "".join(letters).strip()
    stem = safe.rstrip(". ")
    safe = stem + "_" * (len(safe) - len(stem))
    if not stem:
        raise Unlike(f"a name that can be used ({name[:40]!r})")
    try:
        patterns.safe_relative(safe)
    except ValueError:
        return f"_{safe}"  # a device of Windows
    return safe


def _chosen(model: Model, files: Sequence[VersionFile]) -> tuple[VersionFile, ...]:
    if model.source.file_id is not None:
        return (_by_id(model, files),)
    named = {rule.path for rule in model.files}
    if model.include or model.exclude:
        wanted = set(patterns.select([one.name for one in files], model.include, model.exclude))
    else:
        wanted = {_primary(model, files).name}
        # Another file may have the primary one's name; it is not meant.
        files = [one for one in files if one.is_primary or one.name not in wanted] if len(files) > 1 else files
    return tuple(one for one in files if one.name in wanted | named)


def _by_id(model: Model, files: Sequence[VersionFile]) -> VersionFile:
    found = next((one for one in files if one.id == model.source.file_id), None)
    if found is None:
        raise NotFound(
            f"version {model.source.address} has no file {model.source.file_id}; {_all_told(files)}",
            remedy="correct fileId in the catalog",
        )
    return found


def _primary(model: Model, files: Sequence[VersionFile]) -> VersionFile:
    primary = [one for one in files if one.is_primary] if len(files) > 1 else files
    if len(primary) != 1:
        raise _ambiguous(model, "there are several, and CivitAI calls none of them the primary one", files)
    return primary[0]


def _unmatched(model: Model, chosen: Iterable[VersionFile]) -> list[str]:
    rules = [rule.path for rule in model.files if not rule.optional]
    return list(dict.fromkeys(patterns.unmatched([*model.include, *rules], [one.name for one in chosen])))


def _ambiguous(model: Model, why: str, files: Iterable[VersionFile]) -> ModelreadyError:
    return RequestError(
        f"{model.source.text} does not say which file: {why}; {_all_told(files)}",
        remedy=f'choose one: source = "civitai:{model.source.address}?fileId=N"',
    )


def _all_told(files: Iterable[VersionFile]) -> str:
    return f"it has {'; '.join(one.told() for one in files)}"


def _file(entry: Any) -> VersionFile:
    facts = _table(entry)
    file_id, name, size_kb = facts.get("id"), facts.get("name"), facts.get("sizeKB")
    if not isinstance(file_id, int) or isinstance(file_id, bool) or file_id < 0:
        raise Unlike(f"a file's id ({str(file_id)[:40]!r})")
    if not isinstance(name, str):
        raise Unlike("a file's name")
    is_number = isinstance(size_kb, int | float) and not isinstance(size_kb, bool) and 0 <= size_kb < _KIB**5
    details = _table(facts.get("metadata"))
    about = (facts.get("type"), *(details.get(key) for key in ("format", "fp", "size")))
    return VersionFile(
        id=str(file_id),
        name=safe_name(name),
        about=tuple(safe_name(one) for one in about if isinstance(one, str) and one.strip(". ")),
        size_kb=float(size_kb) if is_number and size_kb is not None else None,
        sha256=_sha256(_table(facts.get("hashes")).get("SHA256")),
        is_primary=facts.get("primary") is True,
    )


def _sha256(told: Any) -> str | None:
    """Give the digest that is told; None where the file was not hashed yet."""
    if told is None or told == "":
        return None
    lower = told.lower() if isinstance(told, str) else ""
    if len(lower) != HEX_LENGTHS["sha256"] or not _HEX.fullmatch(lower):
        raise Unlike(f"a SHA256 ({str(told)[:40]!r})")
    return lower


def _table(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}
