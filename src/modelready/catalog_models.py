"""From the rows of one catalog to models, and what is wrong inside one model."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelready import addresses, catalog_rows, expansion, sizes
from modelready.model import HEX_LENGTHS, Digest, FileRule, Model
from modelready.patterns import meant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelready.catalog_rows import FileRow, ModelRow
    from modelready.catalog_texts import CatalogFault, CatalogText
    from modelready.model import Source


@dataclass(frozen=True)
class Draft:
    """A ``[[model]]`` as far as it makes sense: ``wrong`` names the keys that do not, and were left out."""

    text: CatalogText
    index: int
    row: ModelRow
    wrong: frozenset[tuple[str | int, ...]] = frozenset()

    def fault(self, *location: str | int, message: str) -> CatalogFault:
        """Tell what is wrong at *location* in this model."""
        return self.text.fault("model", self.index, *location, message=message)

    def has_wrong(self, key: str) -> bool:
        """Tell whether something was wrong with *key*, so that its value is not known here."""
        return any(location[0] == key for location in self.wrong)

    @property
    def line(self) -> int:
        """Give the line on which the model begins."""
        return self.text.line("model", self.index)

    @property
    def place(self) -> str:
        """Say where the model stands."""
        return f"{self.text.shown}:{self.line}"


def drafts(text: CatalogText) -> tuple[list[Draft], list[CatalogFault]]:
    """Read the rows of *text*, and tell what single keys hold wrongly."""
    found: list[Draft] = []
    faults = [
        text.fault(key, message=f"unknown key {key!r}; expected [[model]] rows only{meant(key, ('model',))}")
        for key in text.raw
        if key != "model"
    ]
    rows, shape_faults = _rows(text)
    faults += shape_faults
    for index, raw in rows:
        row, wrong = catalog_rows.read(raw)
        draft = Draft(text, index, row, frozenset(wrong))
        found.append(draft)
        faults += (draft.fault(*location, message=message) for location, message in wrong.items())
    return found, faults


def _rows(text: CatalogText) -> tuple[list[tuple[int, dict[str, Any]]], list[CatalogFault]]:
    """Give the tables of ``[[model]]`` with their index, and what is there instead of one."""
    raw = text.raw.get("model", [])
    if not isinstance(raw, list):
        return [], [text.fault("model", message="is a single table or value; expected [[model]], in double brackets")]
    rows = [(index, row) for index, row in enumerate(raw) if isinstance(row, dict)]
    indices = {index for index, _ in rows}
    strange = [index for index in range(len(raw)) if index not in indices]
    message = "is no table; expected [[model]] rows"
    return rows, [text.fault("model", index, message=message) for index in strange]


# ---- what keys say together


def inner_faults(draft: Draft, cwd: Path) -> Iterator[CatalogFault]:
    """Tell what is missing in *draft*, and which keys contradict each other."""
    row = draft.row
    if row.name is None and not draft.has_wrong("name"):
        yield draft.fault("name", message="is missing; expected a name unique over all catalogs: [a-z0-9.-]+")
    if row.source is None and not draft.has_wrong("source"):
        yield draft.fault("source", message=f"is missing; {addresses.EXPECTED}")
    source = addresses.parse(row.source, cwd) if row.source else None
    if source and not draft.has_wrong("layout"):
        yield from _layout_faults(draft, source)
    for index in range(len(row.file)):
        yield from _file_faults(draft, index, source)
    if source and source.kind == "url" and not _has_file_name(row, source):
        message = f"{source.text!r} ends in no file name; expected one: or a [[model.file]] with name_from or save_as"
        yield draft.fault("source", message=message)


def _has_file_name(row: ModelRow, source: Source) -> bool:
    return bool(addresses.file_name(source)) or any(file.name_from or file.save_as for file in row.file)


def layout_of(row: ModelRow, source: Source) -> str:
    """Give the layout of *row*: by default the Hub's cache for what comes from the Hub, else a folder."""
    return row.layout or ("hub-cache" if source.kind == "hf" else "folder")


def _layout_faults(draft: Draft, source: Source) -> Iterator[CatalogFault]:
    """Tell what does not fit the layout."""
    if layout_of(draft.row, source) == "folder":
        return
    if source.kind != "hf":
        message = f"'hub-cache' holds only hf: sources, this is {source.text!r}; expected 'folder'"
        yield draft.fault("layout", message=message)
        return
    if draft.row.folder is not None:
        message = f"{draft.row.folder!r} has no meaning in a Hub cache; expected layout 'folder', or no folder"
        yield draft.fault("folder", message=message)
    for index, file in enumerate(draft.row.file):
        if file.save_as is not None:
            message = f"{file.save_as!r} has no meaning in a Hub cache; expected layout 'folder', or no save_as"
            yield draft.fault("file", index, "save_as", message=message)


def _file_faults(draft: Draft, index: int, source: Source | None) -> Iterator[CatalogFault]:
    """Tell what is wrong with one ``[[model.file]]`` as a whole."""
    file = draft.row.file[index]
    is_known = not {("file", index), ("file", index, "path")} & draft.wrong
    if file.path is None and is_known:
        message = "is missing; expected the path of a file in the source, or a pattern"
        yield draft.fault("file", index, "path", message=message)
    if file.size is not None and file.min_size is not None and file.size < file.min_size:
        message = f"{file.size} bytes are less than min_size, {sizes.told(file.min_size)}; expected more: mend one"
        yield draft.fault("file", index, "size", message=message)
    if file.name_from is not None and source is not None and source.kind != "url":
        message = f"only a URL leaves the name to the server, this is {source.text!r}; expected no name_from"
        yield draft.fault("file", index, "name_from", message=message)


# ---- values


def model(draft: Draft, cwd: Path) -> Model | None:
    """Give the model of *draft*, its folder still open; None without a name or a source."""
    row = draft.row
    if row.name is None or row.source is None:
        return None
    source = addresses.parse(row.source, cwd)
    return Model(
        name=row.name,
        source=source,
        layout=layout_of(row, source),
        title=row.title or "",
        include=tuple(row.include),
        exclude=tuple(row.exclude),
        consumers=tuple(row.consumers),
        tokenizer=tuple(row.tokenizer),
        enabled_by=tuple(row.enabled_by),
        needs=tuple(row.needs),
        kind=row.kind or "",
        tags=tuple(row.tags),
        licence=row.licence or "",
        gated=row.gated,
        files=tuple(_rule(draft, index, file) for index, file in enumerate(row.file) if file.path is not None),
        catalog=draft.text.path,
        line=draft.line,
    )


def _rule(draft: Draft, index: int, file: FileRow) -> FileRule:
    digests = ((algorithm, getattr(file, algorithm)) for algorithm in HEX_LENGTHS)
    return FileRule(
        path=file.path or "",
        min_size=file.min_size,
        size=file.size,
        digests=tuple(Digest(algorithm, told, "catalog") for algorithm, told in digests if told),
        save_as=file.save_as,
        dtype=file.dtype,
        optional=file.optional,
        name_from=file.name_from,
        allow_globals=tuple(file.allow_globals),
        line=draft.text.line("model", draft.index, "file", index),
    )


# ---- folders


def written_folder(draft: Draft) -> str:
    """Give the folder as the catalog writes it, or would."""
    return draft.row.folder or f"${{MODELS_DIR}}/{draft.row.name}"


def with_defaults(environ: Mapping[str, str]) -> dict[str, str]:
    """Give *environ* with MODELS_DIR, which has a value everywhere."""
    return {**environ, "MODELS_DIR": environ.get("MODELS_DIR") or "./models"}


def folder(written: str, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """Give the folder that *written* means, starting at *cwd*; None while a variable in it is not set."""
    if expansion.unset(written, environ):
        return None
    expanded = _at_home(expansion.expand(written, environ), environ)
    return Path(os.path.normpath(cwd / expanded)) if expanded.strip() else None


def _at_home(path: str, environ: Mapping[str, str]) -> str:
    """Replace a leading ``~/``: a folder named ``~`` would sooner or later be removed with the home."""
    home = environ.get("HOME") or environ.get("USERPROFILE")
    return f"{home}{path[1:]}" if home and (path == "~" or path.startswith("~/")) else path


def folder_fault(draft: Draft, environ: Mapping[str, str], because: str) -> CatalogFault:
    """Tell why a required model has no folder."""
    written = written_folder(draft)
    names = expansion.unset(written, environ)
    if not names:
        return draft.fault("folder", message=f"{written!r} expands to nothing; expected a folder: name one")
    told, example = " and ".join(names), names[0]
    message = (
        f"{written!r} needs {told}, not set here, for a required model ({because}); "
        f"expected a value: set {told}, or write ${{{example}:-DEFAULT}}"
    )
    return draft.fault("folder", message=message)
