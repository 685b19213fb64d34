"""Access tokens that lie among the models: they go wherever the volume or the image goes."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from modelready.formats import secrets
from modelready.inspection import neighbours, words
from modelready.layouts import looking
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from modelready.model import PlacedModel

MOST_FILES = 50_000
MOST_BYTES = 1 << 20  # of one file, half from its start and half from its end
_MOST_TOLD = 5  # of one file
_PROBE = 1024
#: Content that git and huggingface_hub name by its digest: it came from the source as it is.
_BY_DIGEST = frozenset({"blobs", "objects", ".no_exist"})
_NEVER_TEXT = frozenset(
    {".safetensors", ".sft", ".gguf", ".ggml", ".onnx", ".onnx_data", ".pt", ".pt2", ".pth", ".ckpt", ".bin", ".pkl"}
    | {".npy", ".npz", ".h5", ".tflite", ".engine", ".model", ".spm", ".zip", ".gz", ".tar", ".7z", ".pyc", ".so"}
    | {".png", ".jpg", ".jpeg", ".webp", ".gif", ".mp3", ".mp4", ".wav", ".flac", ".part", ".incomplete", ".lock"}
)
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_REMEDY = (
    "revoke it where it was issued, take it out, and give the new one in the environment (HF_TOKEN, CIVITAI_TOKEN)"
)


@dataclass
class Looked:
    """What was found, and what could not be looked at."""

    faults: list[Fault] = field(default_factory=list)
    doubts: list[Fault] = field(default_factory=list)


def kept(models: Sequence[PlacedModel], others: Iterable[Path] = (), *, most_files: int = MOST_FILES) -> Looked:
    """
    Tell the access tokens in the folders of *models*, in their parts of the Hub cache, and in *others*.

    What the source published, byte for byte, is not read: its digest is known, and what it says is public. Read is what
    lies beside it: notes, scripts, logs, git's own files. No message holds more of a token than its first four letters.
    """
    looked = Looked()
    published = {str(one.place) for model in models for one in model.files if one.digests}
    counted = 0
    for root in _roots(models):
        for place in _files(root):
            counted += 1
            if counted > most_files:
                message = f"holds more files than are searched: {most_files:,} were, the rest was not"
                looked.doubts.append(Fault(words.folded(root), message, "keep models apart from other files"))
                break
            if str(place) not in published:
                _look(place, looked)
    for place in others:
        if looking.is_file(place):
            _look(place, looked)
    return looked


def _roots(models: Iterable[PlacedModel]) -> list[Path]:
    """Give the folders to search, none inside another; of a cache itself only what lies at its top."""
    folders = {Path(os.path.abspath(neighbours.storage_of(one) or one.root)) for one in models}  # noqa: PTH100 - no links are followed
    return sorted(one for one in folders if not folders.intersection(one.parents))


def tops(models: Iterable[PlacedModel]) -> Iterator[Path]:
    """Give the files at the top of the Hub caches of *models*: HF_HOME set to the cache puts its token there."""
    caches = {storage.parent for one in models if (storage := neighbours.storage_of(one))}
    for cache in sorted(caches):
        yield from _entries(cache)


def _entries(folder: Path) -> Iterator[Path]:
    try:
        yield from sorted(one for one in folder.iterdir() if one.is_file() and not one.is_symlink())
    except OSError:
        return


def _files(root: Path) -> Iterator[Path]:
    """Give what may be a text below *root*; links are not followed: what they lead to does not lie here."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(one for one in folders if one not in _BY_DIGEST)
        for name in sorted(names):
            place = os.path.join(folder, name)  # noqa: PTH118 - many files, and Path costs more
            if os.path.splitext(name)[1].lower() not in _NEVER_TEXT and not os.path.islink(place):  # noqa: PTH114, PTH122 - as above
                yield Path(place)


def _look(place: Path, looked: Looked) -> None:
    shown = words.folded(place)
    try:
        text, is_whole = _text(place)
    except OSError as error:
        message = f"{words.why(error)}: nobody knows whether a token is in it"
        looked.doubts.append(Fault(shown, message, "let this user read it"))
        return
    is_netrc = place.name.lstrip("._") == "netrc"
    for secret in islice(secrets.found(text, is_netrc=is_netrc), _MOST_TOLD):
        where = f" on line {secret.line}" if is_whole else ""
        looked.faults.append(Fault(shown, f"holds what looks like {secret.kind}{where} ({secret.begins}…)", _REMEDY))


def _text(place: Path) -> tuple[str, bool]:
    """Give the text at *place*, of a long one its start and its end, and whether that is all; none where it is none."""
    descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode):
            return "", True
        is_whole = seen.st_size <= MOST_BYTES
        content = file.read(MOST_BYTES if is_whole else MOST_BYTES // 2)
        is_wide = content[:2] in _UTF16  # as a console of Windows writes its logs
        if not is_wide and b"\0" in content[:_PROBE]:
            return "", True
        if not is_whole:
            file.seek(-(MOST_BYTES // 2), os.SEEK_END)
            content += b"\n" + file.read(MOST_BYTES // 2)
    return (content.replace(b"\0", b"") if is_wide else content).decode("utf-8", "replace"), is_whole
