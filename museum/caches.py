"""Hub caches: filled by huggingface_hub, then cut off, written through, copied in part, or led astray."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

from museum import contents, damages
from museum.contents import CONFIG, WEIGHTS
from museum.exhibits import Exhibit
from museum.rooms import Room, locked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_SHARD = "transformer/1.safetensors"


def _unlisted(room: Room) -> None:
    """Fill the cache as huggingface_hub before 1.29 did."""
    room.download()
    room.forget_listing()


def _on(path: str, damage: Callable[[Path], None]) -> Callable[[Room], None]:
    return lambda room: damage(room.place(path))


def _never_arrived(room: Room, path: str) -> Path:
    """Take *path* and its bytes away, as if the download had not come so far; give where the bytes would lie."""
    blob = room.place(path)
    (room.snapshot / path).unlink()
    blob.unlink()
    return blob


def _interrupted(room: Room) -> None:
    content = room.files[_SHARD]
    blob = _never_arrived(room, _SHARD)
    blob.with_name(f"{blob.name}.0badcafe.incomplete").write_bytes(content[:1000])


def _interrupted_without_index(room: Room) -> None:
    _interrupted(room)
    _never_arrived(room, "transformer/model.safetensors.index.json")


def _as_float32(path: Path) -> None:
    damages.rewrite(path, contents.weights(2 * contents.SIZE))


def _share(room: Room) -> Path:
    """Keep the weights as huggingface_hub 2 keeps what several repositories share, and give where."""
    blob = room.place(WEIGHTS)
    name = hashlib.sha256(room.name.encode()).hexdigest()  # of its own: a shared file is shared with the twin, too
    shared = room.cache / "blobs" / name[:2] / name
    shared.parent.mkdir(parents=True, exist_ok=True)
    blob.rename(shared)
    blob.symlink_to(f"../../blobs/{shared.parent.name}/{shared.name}")
    shared.chmod(0o444)
    return shared


def _shared(room: Room) -> None:
    room.download()
    _share(room)


def _only_one_file(room: Room) -> None:
    shutil.rmtree(room.storage)
    room.download_one(CONFIG)


def _ref(room: Room, text: str) -> None:
    (room.storage / "refs" / "main").write_text(text, encoding="ascii")


def _doctor(room: Room) -> None:
    told = json.loads(room.listing.read_text(encoding="utf-8"))
    told["files"] = {path: one for path, one in told["files"].items() if path == CONFIG}
    room.listing.write_text(json.dumps(told), encoding="utf-8")


def _doctored_and_cold(room: Room) -> None:
    _doctor(room)
    for name in ("blobs", "snapshots"):
        shutil.rmtree(room.storage / name)
    # In a process of its own: this one remembers the true listing.
    words = (room.repo, str(room.cache), room.hub.url)
    subprocess.run([sys.executable, "-P", "-c", _DOWNLOAD, *words], check=True, capture_output=True)  # noqa: S603 - our own words


_DOWNLOAD = """
import sys
from huggingface_hub import snapshot_download
snapshot_download(sys.argv[1], cache_dir=sys.argv[2], endpoint=sys.argv[3], token=False)
"""


def _old_version(room: Room) -> None:
    """Let the lock speak of a newer commit than the one that lies here and that refs/main still names."""
    room.publish({**room.files, WEIGHTS: contents.weights(seed=1)})


def _leave_partial(room: Room) -> None:
    blob = room.place(WEIGHTS)
    blob.with_name(f"{blob.name}.0badcafe.incomplete").write_bytes(b"half")


def _dangle(room: Room) -> None:
    (room.snapshot / "README.md").symlink_to(f"../../blobs/{'e' * 40}")


def _one_level_up(room: Room) -> None:
    room.storage.rename(room.cache.parent / room.storage.name)


def _in_other_case(room: Room) -> None:
    shutil.copytree(room.storage, room.storage.with_name(room.storage.name.replace("acme", "Acme")), symlinks=True)


def _leave_token(room: Room) -> None:
    token = "hf_" + "".join(map(chr, range(ord("a"), ord("z") + 1))) + "ABCDEFGH"
    (room.storage / "download.sh").write_text(f"export HF_TOKEN={token}\nhf download {room.repo}\n", encoding="utf-8")


_sharded = contents.sharded
_BYTES, _THERE, _LARGE = "files.have_the_right_bytes", "files.are_there", "files.are_large_enough"
_NAMES, _PARTIALS = "cache.names_lead_to_files", "cache.holds_no_partials"

EXHIBITS = (
    Exhibit(
        "1",
        "noise",
        "images are pure noise: one shard of the transformer never arrived, and nobody reads the index",
        "weights.have_every_shard",
        f"{_SHARD}.*the shard that transformer/model.safetensors.index.json names is not there",
        files=_sharded,
        fill=_unlisted,
        damage=lambda room: _never_arrived(room, _SHARD),
    ),
    Exhibit(
        "1",
        "noise-listed",
        "the same, where huggingface_hub 2 keeps a listing",
        _THERE,
        f"{_SHARD}.*is not on disk",
        files=_sharded,
        fill=Room.download,
        damage=lambda room: _never_arrived(room, _SHARD),
    ),
    Exhibit(
        "2",
        "written-through",
        "a program wrote float32 weights through the snapshot's link: the blob's name promises others",
        _BYTES,
        f"{WEIGHTS}.*the name of its blob says",
        fill=_unlisted,
        damage=_on(WEIGHTS, _as_float32),
    ),
    Exhibit(
        "2",
        "written-through-listed",
        "the same, where the listing tells the size",
        _LARGE,
        f"{WEIGHTS}.*too many",
        fill=Room.download,
        damage=_on(WEIGHTS, _as_float32),
    ),
    Exhibit(
        "3",
        "truncated",
        '`hf download` said "Download complete", the file is cut short and trusted for ever (hub 44)',
        _LARGE,
        f"{WEIGHTS}.*1,000 too few",
        fill=Room.download,
        damage=_on(WEIGHTS, damages.cut),
    ),
    Exhibit(
        "3",
        "emptied",
        "the same, with nothing in it (hub 44)",
        _LARGE,
        f"{WEIGHTS}.*has 0 bytes",
        fill=Room.download,
        damage=_on(WEIGHTS, lambda path: damages.rewrite(path, b"")),
    ),
    Exhibit(
        "4",
        "ctrl-c",
        "the second `snapshot_download` after Ctrl-C returned a folder without half of its files (hub 38)",
        _PARTIALS,
        r"blobs/[0-9a-f]{64}\.0badcafe\.incomplete",
        files=_sharded,
        fill=_unlisted,
        damage=_interrupted_without_index,
        catalog='include = ["*.safetensors"]',
    ),
    Exhibit(
        "6",
        "tokenizer-first",
        "the tokenizer was fetched first, then the weights never: the folder existed",
        _THERE,
        f"{WEIGHTS}.*is not on disk",
        fill=Room.download,
        damage=lambda room: _never_arrived(room, WEIGHTS),
    ),
    Exhibit(
        "19",
        "orphan",
        "the disk is full of `.incomplete` files of killed downloads (hub 38)",
        _PARTIALS,
        r"blobs/[0-9a-f]{64}\.0badcafe\.incomplete.*was left behind",
        "hf cache prune",
        fill=Room.download,
        damage=_leave_partial,
    ),
    Exhibit(
        "20",
        "no-refs",
        "copied to the target without `refs/`: offline nothing is found by name",
        _NAMES,
        "refs/main.*is not there",
        fill=Room.download,
        damage=lambda room: (room.storage / "refs" / "main").unlink(),
    ),
    Exhibit(
        "20",
        "one-level-off",
        "`cache_dir` was given HF_HOME: every file is on disk, one level too high",
        _THERE,
        "one level off",
        fill=Room.download,
        damage=_one_level_up,
        also=("machine.variables_agree",),
    ),
    Exhibit(
        "20",
        "no-shared-blobs",
        "`cp -a models--…` left huggingface_hub 2's shared blobs behind",
        _THERE,
        f"{WEIGHTS}.*the cache's shared blobs",
        "cp -aL",
        fill=_shared,
        damage=_on(WEIGHTS, lambda path: path.unlink()),
    ),
    Exhibit(
        "20",
        "other-case",
        "the same repository lies there under two spellings: on a disk without case they become one",
        _NAMES,
        "models--Acme--other-case",
        "keep the one that programs ask for",
        fill=Room.download,
        damage=_in_other_case,
        is_warning=True,
    ),
    Exhibit(
        "21",
        "dangling",
        "one dangling link, and the whole repository is gone from `hf cache ls`",
        _NAMES,
        "README.md.*which is not there",
        fill=Room.download,
        damage=_dangle,
    ),
    Exhibit(
        "27",
        "empty-volume",
        "the volume is empty in the running container",
        _THERE,
        "never provisioned here",
        fill=Room.download,
        damage=lambda room: shutil.rmtree(room.storage),
    ),
    Exhibit(
        "hub 16",
        "stale",
        "the Hub did not answer, and the old version was handed out without a word; the lock names the new one",
        _THERE,
        f"{WEIGHTS}.*is not on disk",
        fill=Room.download,
        damage=_old_version,
        locked=locked,
    ),
    Exhibit(
        "hub 44",
        "flipped",
        "one bit of the cached weights flipped, the time kept",
        _BYTES,
        f"{WEIGHTS}.*the cache's listing",
        fill=Room.download,
        damage=_on(WEIGHTS, damages.flip),
    ),
    Exhibit(
        "hub 44",
        "flipped-shared",
        "one bit of a shared blob flipped: every repository with that file gets it",
        _BYTES,
        f"{WEIGHTS}.*sha256 is",
        fill=_shared,
        damage=_on(WEIGHTS, damages.flip),
    ),
    Exhibit(
        "hub 45",
        "blob-deleted",
        "the blob was deleted, its link kept: `hf cache verify` finds nothing wrong",
        _THERE,
        f"{WEIGHTS}.*its link leads to",
        fill=Room.download,
        damage=_on(WEIGHTS, lambda path: path.unlink()),
    ),
    Exhibit(
        "hub 48",
        "one-file",
        "only config.json was ever fetched; offline that passes for the model",
        _THERE,
        r"\*\.safetensors.*no file here matches",
        fill=_unlisted,
        damage=_only_one_file,
    ),
    Exhibit(
        "hub 48",
        "one-file-unasked",
        "the same, and the catalog names no file either: nobody can tell what is missing",
        _THERE,
        "only what lies there was judged",
        fill=Room.download,
        damage=_only_one_file,
        catalog="",
        is_warning=True,
    ),
    Exhibit(
        "hub 49",
        "empty-ref",
        "refs/main is empty: offline, the path of no snapshot is returned",
        _NAMES,
        "refs/main.*holds nothing",
        fill=Room.download,
        damage=partial(_ref, text=""),
    ),
    Exhibit(
        "hub 49",
        "ref-with-newline",
        "refs/main was written by `echo`: it ends with a line end, and offline nothing is found",
        _NAMES,
        r"refs/main.*\\n",
        fill=Room.download,
        damage=lambda room: _ref(room, f"{room.commits[-1]}\n"),
    ),
    Exhibit(
        "hub 50",
        "doctored",
        "trees/COMMIT.json names one file of all: programs believe it",
        _NAMES,
        f"trees/.*does not list {WEIGHTS}",
        fill=Room.download,
        damage=_doctor,
        catalog="",
    ),
    Exhibit(
        "hub 50",
        "doctored-cold",
        "the same, and the cache was filled by it: nothing else was fetched",
        _THERE,
        r"\*\.safetensors",
        "catalog|modelready provision",
        fill=Room.download,
        damage=_doctored_and_cold,
    ),
    Exhibit(
        "token",
        "token-left",
        "the script that filled the volume lies on it, the token in it",
        "machine.keeps_no_tokens",
        r"token-left/download\.sh.*Hugging Face token on line 1",
        "revoke it",
        fill=Room.download,
        damage=_leave_token,
    ),
)
