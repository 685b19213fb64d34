"""From paths to parsed TOML texts, each of which can say on which line something stands."""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from modelready import catalog_lines, contents

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from modelready.catalog_lines import Location

_MOST_BYTES = 16 << 20
_BOM = b"\xef\xbb\xbf"
_PLACE = re.compile(r" \((?:at line (?P<line>\d+), column (?P<column>\d+)|at end of document)\)$")


@dataclass(frozen=True)
class CatalogFault:
    """One thing wrong with a catalog, at a line of a file; 0 is the file as a whole."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


@dataclass(frozen=True)
class CatalogText:
    """A TOML file of a catalog, and how its path is shown."""

    path: Path
    shown: str
    text: str
    raw: dict[str, Any]
    digest: str

    @cached_property
    def lines(self) -> dict[Location, int]:
        """Give the line of every key."""
        return catalog_lines.find(self.text)

    def line(self, *location: str | int) -> int:
        """Give the line of *location*, or of the nearest table around it."""
        while location and location not in self.lines:
            location = location[:-1]
        return self.lines.get(location, 1)

    def fault(self, *location: str | int, message: str) -> CatalogFault:
        """Tell what is wrong at *location*; its last word is the key."""
        key = next((str(part) for part in reversed(location) if isinstance(part, str)), "")
        return CatalogFault(self.shown, self.line(*location), key, message)


def gather(paths: Iterable[Path], cwd: Path) -> tuple[list[CatalogText], list[CatalogFault]]:
    """Read every catalog of *paths*, files or folders, each file once; tell those that cannot be read."""
    texts: dict[Path, CatalogText] = {}
    faults: list[CatalogFault] = []
    for path in paths:
        found = _read_all(cwd / path, cwd)
        faults += (one for one in found if isinstance(one, CatalogFault) and one not in faults)
        texts.update({one.path.resolve(): one for one in found if isinstance(one, CatalogText)})
    return list(texts.values()), faults


def _read_all(path: Path, cwd: Path) -> list[CatalogText | CatalogFault]:
    """Read *path*, or every ``*.toml`` in it."""
    shown = _shown(path, cwd)
    try:
        files = _tomls(path) if path.is_dir() else [path]
    except OSError as error:
        return [_unreadable(shown, error)]
    if not files:
        return [CatalogFault(shown, 0, "", "holds no *.toml; expected a catalog: write one, or see --catalog")]
    return [_read(file, _shown(file, cwd)) for file in files]


def _tomls(folder: Path) -> list[Path]:
    """Give the catalogs of *folder*; dotted ones are notes of the system, not of people."""
    names = (path for path in folder.iterdir() if path.suffix == ".toml" and not path.name.startswith("."))
    return sorted(path for path in names if not path.is_dir())


def _shown(path: Path, cwd: Path) -> str:
    return str(path.relative_to(cwd) if path.is_relative_to(cwd) else path)


def _unreadable(shown: str, error: OSError) -> CatalogFault:
    reason = (error.strerror or str(error)).lower()
    return CatalogFault(shown, 0, "", f"cannot be read: {reason}; expected TOML, or a folder of it: see --catalog")


def _read(path: Path, shown: str) -> CatalogText | CatalogFault:
    try:
        content = contents.read_stream(path, most=_MOST_BYTES)
    except OSError as error:
        return _unreadable(shown, error)
    if content.startswith(_BOM):
        return CatalogFault(shown, 1, "", "starts with a byte order mark; expected plain UTF-8: save it without a BOM")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        told = f"byte 0x{content[error.start]:02x} is not UTF-8; expected UTF-8 text: save it in that encoding"
        return CatalogFault(shown, line, "", told)
    return _parsed(path, shown, text, digest=hashlib.sha256(content).hexdigest())


def _parsed(path: Path, shown: str, text: str, *, digest: str) -> CatalogText | CatalogFault:
    # Only \r\n and \n end a line, and tomllib sees both as \n.
    text = text.replace("\r\n", "\n")
    try:
        return CatalogText(path, shown, text, tomllib.loads(text), digest)
    except tomllib.TOMLDecodeError as error:
        return _syntax_fault(shown, text, str(error))
    except RecursionError:
        return CatalogFault(shown, 1, "", "is nested too deeply; expected [[model]] rows")


def _syntax_fault(shown: str, text: str, told: str) -> CatalogFault:
    place = _PLACE.search(told)
    what = _PLACE.sub("", told)
    what = what[:1].lower() + what[1:]
    if place is None or place["line"] is None:
        line = text.rstrip("\n").count("\n") + 1
        return CatalogFault(shown, line, "", f"end of the file: not TOML: {what}; complete what was begun above")
    return CatalogFault(shown, int(place["line"]), "", f"column {place['column']}: not TOML: {what}; correct it")
