"""Formats of which the beginning is known."""

import struct
import zipfile

import numpy as np
import pytest

from modelready.formats import signatures

HDF5 = b"\x89HDF\r\n\x1a\n"


def superblock(version, end):
    """Give an HDF5 superblock, as libhdf5 writes it: versions 0 to 3 tell the end of the file at different places."""
    if version < 2:
        head = (
            HDF5
            + bytes([version, 0, 0, 0, 0, 8, 8, 0])
            + bytes(8 + 4 * version)
            + struct.pack("<QQQ", 0, 2**64 - 1, end)
        )
    else:
        head = HDF5 + bytes([version, 8, 8, 0]) + struct.pack("<QQQ", 0, 2**64 - 1, end)
    return head.ljust(end if end < 10_000 else 96, b"\0")


def test_what_numpy_writes_has_no_faults(tmp_path):
    """Arrays, and archives of them, empty ones too."""
    np.save(tmp_path / "a.npy", np.zeros(3))
    np.savez(tmp_path / "a.npz", a=np.zeros(3))
    zipfile.ZipFile(tmp_path / "b.npz", "w").close()

    assert [signatures.faults(tmp_path / name) for name in ("a.npy", "a.npz", "b.npz")] == [(), (), ()]


def test_an_archive_cut_short_is_told(tmp_path):
    """Its list of files is at its end."""
    np.savez(tmp_path / "a.npz", a=np.zeros(300))
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(whole[:-100])

    assert "truncated" in signatures.faults(tmp_path / "a.npz")[0]


@pytest.mark.parametrize("version", range(4))
def test_hdf5_tells_its_length(write, version):
    """libhdf5 refuses a truncated file, and lets a longer one pass."""
    whole = superblock(version, 800)

    assert signatures.faults(write("a.h5", whole)) == ()
    assert signatures.faults(write("a.h5", whole + b"x")) == ()
    assert signatures.faults(write("a.h5", whole[:-9])) == (
        "truncated by 9 bytes: its end is at 800, the file has 791",
    )
    assert "truncated inside its first block" in signatures.faults(write("a.h5", whole[:20]))[0]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(HDF5 + bytes([9]) + bytes(90), id="a newer version"),
        pytest.param(HDF5 + bytes([0, 0, 0, 0, 0, 4, 4]) + bytes(90), id="short addresses"),
        pytest.param(bytes(512) + HDF5, id="behind a block of its user's"),
        pytest.param(bytes(2048) + HDF5, id="behind a larger one"),
    ],
)
def test_rare_forms_of_hdf5_are_not_accused(write, content):
    """They may be well."""
    assert signatures.faults(write("a.h5", content)) == ()


@pytest.mark.parametrize(
    ("name", "content", "is_well"),
    [
        ("a.tflite", b"\x1c\0\0\0TFL3" + bytes(9), True),
        ("a.tflite", b"TFL3" + bytes(9), False),
        ("a.pte", b"\x30\0\0\0ET12eh00", True),
        ("a.keras", b"PK\5\6" + bytes(18), True),
        ("a.keras", superblock(0, 100), True),
        ("a.keras", b"<html>", False),
        ("a.h5", b"", False),
        ("a.npy", b"\x93NUMP", False),
    ],
)
def test_a_wrong_beginning_is_told(write, name, content, is_well):
    """It says what was expected, and what is there."""
    told = signatures.faults(write(name, content))

    assert (told == ()) == is_well
    assert is_well or "expected" in told[0]
