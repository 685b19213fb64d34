"""
What loading a file may run: the globals of its pickles, wherever they lie in it, and code that it carries.

A file is looked into by what it holds, not by its name: pickles one after the other, zip and tar archives, compressed
files, arrays of objects, each inside the other. What cannot be looked into is told, never passed over. Nothing is
unpickled, no memory is filled, and what unpacks without end is left.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from modelready.formats import keras_configs, magics, pickle_names, pickles, tars, zips
from modelready.formats.byte_views import Budget, Cursor, Unpacked, Unreadable, View, held, unpacked
from modelready.formats.pickle_opcodes import Reader

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from modelready.formats.pickles import Scan


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_DEEPEST = 6
_MOST_PICKLES = 10_000
_LONGEST_NPY_HEADER = 2**20
_MOST_FINDINGS = 1_000
#: Text, by its name: a protocol 0 pickle is text as well, but no program takes these for one.
_TEXTS = _set(
    ".txt .json .jsonl .md .rst .py .yaml .yml .toml .cfg .ini .csv .tsv .html .htm .xml .svg .js .css .jinja .jinja2 "
    ".j2 .sh .ipynb .tex .bib .log .gitattributes .gitignore .lock .pyi .proto .pbtxt .prototxt .ftl .vocab .bpe"
)
_UNPACKS = {"gzip": "gzip", "zlib": "gzip", "bzip2": "bzip2", "xz": "xz", "lzma": "xz"}
#: What a file may be, and begin like a pickle none the less; those that it does not name begin with no opcode.
_ALSO_PICKLES = frozenset({"", "tar", "bzip2", "harmless"})
#: Names by which no program looks for a pickle: what begins like these formats is read as one, or not at all.
_OWN = frozenset({".safetensors", ".sft", ".gguf", ".png", ".jpg", ".jpeg", ".parquet", ".arrow", ".h5", ".hdf5"})
_NO_PICKLES = _TEXTS | _OWN
#: The header of an array of plain numbers or texts, as numpy writes it.
_NUMBERS = re.compile(
    rb"\{'descr': '[<>|=][a-zA-NP-Z?]\d+(?:\[\w+\])?', 'fortran_order': (?:True|False), 'shape': \([\d, ]*\), \}\s*"
)
_IDENTIFIERS = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
#: The raw bytes of a tensor in an archive of torch.
_STORAGE = re.compile(r"(?:[^/]+/)?(?:\.?data|constants|tensors)/\d+(?:\.storage)?")
_COMPILED = (".so", ".dll", ".dylib", ".pyd")


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One thing that loading a file may run, or that nobody can tell; ``where`` is the member of the archive, if any.

    ``imports`` is the global, where it is one; ``is_meant`` is true for code that such files carry on purpose.
    """

    where: str
    what: str
    imports: str = ""
    is_meant: bool = False


def findings(path: Path, allowed: Collection[str] = ()) -> tuple[Finding, ...]:
    """
    Give what loading the file at *path* may run, beyond the harmless and the *allowed* globals.

    Raises: OSError, where it cannot be read.
    """
    suffix = path.suffix.lower()
    with open(path, "rb", buffering=0) as start:  # noqa: PTH123 - called for each of 20,000 files
        if suffix in _NO_PICKLES and not magics.kind_of(start.read(magics.HEAD_BYTES), 0):
            return ()
    with path.open("rb") as file:
        look = _Look(frozenset(allowed))
        look.into(View(file, 0, file.seek(0, 2)), "", suffix)
    return tuple(look.found)


@dataclass
class _Look:
    """A look into one file, and into what lies in it."""

    allowed: frozenset[str]
    found: dict[Finding, None] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    depth: int = 0
    is_torchscript: bool = False

    def into(self, source: View | Unpacked, where: str, suffix: str) -> None:
        """Look into *source*, called *where*, whose name ends in *suffix*."""
        try:
            self._into(source, where, suffix)
        except Unreadable as error:
            self._tell(where, str(error))

    def _into(self, source: View | Unpacked, where: str, suffix: str) -> None:
        head = source.read(0, magics.HEAD_BYTES) if isinstance(source, View) else source.peek(magics.HEAD_BYTES)
        kind = magics.kind_of(head, source.size if isinstance(source, View) else 2**63)
        if kind in magics.CLOSED:
            self._tell(where, f"is {kind}: nothing here can look into it")
        elif kind in {"zip", "tar", *_UNPACKS}:
            source = source if isinstance(source, View) else held(source)
            self._archive(source, kind, where, suffix)
        elif kind == "npy":
            self._array(source, where)
        # The beginning of some formats, a name in a tar archive for one, may be the beginning of a pickle as well.
        if kind == "pickle" or (kind in _ALSO_PICKLES and suffix not in _NO_PICKLES):
            self._pickles(source, where, is_marked=kind == "pickle")
            if isinstance(source, View) and kind not in _UNPACKS:
                self._zip_at_the_end(source, where)

    def _archive(self, view: View, kind: str, where: str, suffix: str) -> None:
        if self.depth >= _DEEPEST:
            self._tell(where, f"lies in more than {_DEEPEST} archives, one inside the other")
            return
        self.depth += 1
        try:
            if kind == "zip":
                self._zip(view, where)
            elif kind == "tar":
                self._tar(view, where)
            else:
                self._packed(view, kind, where, suffix)
        finally:
            self.depth -= 1

    # ---- pickles

    def _pickles(self, source: View | Unpacked, where: str, *, is_marked: bool, offset: int = 0) -> None:
        """Look through one pickle after the other, as joblib reads them, and as everybody else does."""
        if self._followed(_reader(source, offset), where, is_marked=is_marked, arrays=True):
            again = source if isinstance(source, View) else source.again()
            self._followed(_reader(again, offset), where, is_marked=is_marked, arrays=False)

    def _followed(self, reader: Reader, where: str, *, is_marked: bool, arrays: bool) -> bool:
        """Look through one pickle after the other, up to what is none; tell whether arrays of joblib were seen."""
        has_arrays = False
        for _ in range(_MOST_PICKLES):
            is_marked = is_marked or magics.is_marked(reader.peek(2))
            seen = pickles.scan_next(reader, arrays=arrays)
            has_arrays |= seen.has_arrays
            if is_marked or _is_pickle(seen):
                self._judge(seen, where, is_marked=is_marked)
            if seen.fault or not reader.peek(1):
                return has_arrays
            is_marked = False
        self._tell(where, f"holds more than {_MOST_PICKLES:,} pickles, too many to be followed")
        return has_arrays

    def _judge(self, seen: Scan, where: str, *, is_marked: bool) -> None:
        for name in seen.names:
            is_fine = name in pickle_names.HARMLESS or str(name) in self.allowed
            if not is_fine and not (self.is_torchscript and pickle_names.is_torchscript(name)):
                self._add(Finding(where, f"imports {_shown(name)}", _shown(name)))
        for untold in seen.untold:
            self._tell(where, untold)
        # Named and not used it does nothing, and other bytes are taken for it by chance.
        for code in seen.codes if is_marked or seen.names or seen.calls else ():
            self._tell(where, f"names a global by the extension code {code}, which says nothing here")

    def _array(self, source: View | Unpacked, where: str) -> None:
        """Look into what numpy wrote: an array of objects is a pickle behind a header."""
        start = source.read(0, 12) if isinstance(source, View) else source.peek(12)
        size = 2 if start[6:7] == b"\x01" else 4
        length, offset = int.from_bytes(start[8 : 8 + size], "little"), 8 + size
        if length > _LONGEST_NPY_HEADER:
            self._tell(where, "is an array with a header longer than numpy reads")
            return
        header = source.read(offset, length) if isinstance(source, View) else source.peek(offset + length)[offset:]
        if not _NUMBERS.fullmatch(header):
            self._pickles(source, where, is_marked=False, offset=offset + length)

    # ---- archives

    def _zip(self, view: View, where: str) -> None:
        try:
            archive = zips.read(view)
        except zips.BrokenZip:
            # Whether it can be opened at all is told by others; what lies in it is looked at all the same.
            self._members(view, zips.lost_members(view), where)
            return
        self._told_zip(view, archive, where)

    def _told_zip(self, view: View, archive: zips.Archive, where: str) -> None:
        for oddity in archive.oddities[:_MOST_FINDINGS]:
            self._tell(where, oddity)
        for offset, size in archive.gaps:
            part = view.part(offset, size)
            if part.find(zips.LOCAL) >= 0:
                self._tell(where, "holds a member that its directory does not name")
                self._members(part, zips.lost_members(part), where)
        names = {one.name for one in archive.members}
        before, self.is_torchscript = self.is_torchscript, _is_torchscript(names)
        try:
            self._members(view, archive.members, where, is_torch=any(_ends(name, "data.pkl") for name in names))
            self._carried(names, where)
        finally:
            self.is_torchscript = before
        if names >= keras_configs.PARTS:
            config = next(one for one in archive.members if one.name == "config.json")
            self._keras(zips.content(view, config, self.budget), _inside(where, config.name))

    def _members(self, view: View, members: Iterable[zips.Member], where: str, *, is_torch: bool = False) -> None:
        for one in members:
            inner = _inside(where, one.name)
            try:
                source = zips.content(view, one, self.budget)
            except Unreadable as error:
                self._tell(inner, str(error))
                continue
            if is_torch and _STORAGE.fullmatch(one.name):
                self._storage(source, inner)
            else:
                self.into(source, inner, _suffix(one.name))

    def _storage(self, source: View | Unpacked, where: str) -> None:
        """Look at the bytes of a tensor: they may begin with anything, so only a whole pickle is taken for one."""
        head = source.read(0, 2) if isinstance(source, View) else source.peek(2)
        if magics.is_marked(head):
            seen = pickles.scan_next(_reader(source))
            if _is_pickle(seen):
                self._judge(seen, where, is_marked=True)

    def _zip_at_the_end(self, view: View, where: str) -> None:
        """Look into an archive that begins in the middle: some programs look at a start, others at an end."""
        if zips.find_end(view) is None:
            return
        try:
            archive = zips.read(view)
        except zips.BrokenZip:
            return
        if archive.members:
            self._tell(where, f"has {archive.members[0].begin:,} bytes before its zip archive: it is two files in one")
            self._told_zip(view, archive, where)

    def _tar(self, view: View, where: str) -> None:
        try:
            for one in tars.members(view):
                self.into(view.part(one.data, one.size), _inside(where, one.name), _suffix(one.name))
        except tars.BrokenTar as error:
            self._tell(where, f"is a tar archive that {error}")

    def _packed(self, view: View, kind: str, where: str, suffix: str) -> None:
        """Look into what is compressed; its name without the last ending says what it should be."""
        stream = unpacked(view, _UNPACKS[kind], self.budget)
        if stream.peek(1):
            self.into(stream, where, "" if suffix in _TEXTS else suffix)

    def _keras(self, source: View | Unpacked, where: str) -> None:
        """Look into the configuration of a Keras model."""
        longest = keras_configs.LONGEST
        text = source.read(0, longest + 1) if isinstance(source, View) else source.peek(longest + 1)
        try:
            names = dict.fromkeys(keras_configs.named(text)) if len(text) <= longest else {}
        except keras_configs.BrokenConfig as error:
            self._tell(where, f"cannot be told what it runs: it {error}")
            return
        if len(text) > longest:
            self._tell(where, f"has more than {longest:,} bytes, too many to be looked into")
        for name in names:
            shown = _shown([name])
            what = f"holds code of Python ({name})" if name == keras_configs.LAMBDA else f"imports {shown}"
            if name not in self.allowed:
                self._add(Finding(where, what, shown))

    def _carried(self, names: Collection[str], where: str) -> None:
        """Tell code that archives of torch carry on purpose."""
        scripts = [name for name in names if re.fullmatch(r"(?:[^/]+/)?code/.*\.py", name)]
        if scripts and self.is_torchscript:
            files = "1 file" if len(scripts) == 1 else f"{len(scripts)} files"
            what = f"is a TorchScript program ({files} of code), which torch.jit.load compiles and runs"
            self._add(Finding(where, what, is_meant=True))
        for name in sorted(name for name in names if name.endswith(_COMPILED)):
            self._add(Finding(_inside(where, name), "is compiled code", is_meant=True))

    # ---- findings

    def _tell(self, where: str, what: str) -> None:
        self._add(Finding(where, what))

    def _add(self, finding: Finding) -> None:
        if len(self.found) < _MOST_FINDINGS:
            self.found[finding] = None


def _is_pickle(seen: Scan) -> bool:
    """
    Tell whether bytes that nothing marks as a pickle are one.

    Any byte may happen to be an opcode: a pickle goes on to its STOP, or calls what it has named by real names.
    """
    are_names = all(_IDENTIFIERS.fullmatch(part) for name in seen.names for part in name)
    return are_names and (not seen.fault or (seen.calls and bool(seen.names)))


def _is_torchscript(names: Collection[str]) -> bool:
    return any(_ends(name, "constants.pkl") for name in names)


def _ends(name: str, what: str) -> bool:
    """Tell whether *name* is *what* at the root of an archive, or in its only folder."""
    return name == what or (name.endswith(f"/{what}") and name.count("/") == 1)


def _reader(source: View | Unpacked, offset: int = 0) -> Reader:
    """Give a reader of *source* from *offset* on."""
    if isinstance(source, View):
        return Reader(Cursor(source, offset))
    source.skip(offset)
    return Reader(source)


def _inside(where: str, name: str) -> str:
    shown = name if name.isprintable() else ascii(name)
    return f"{where}/{shown}" if where else shown


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _shown(name: Sequence[str]) -> str:
    text = ".".join(name)
    return text if text.isprintable() else ascii(text)
