"""Files of torch: whole or not, by torch's own files (tests/data/torch/make.py says how they were made)."""

import importlib.util
import struct
import zipfile
from pathlib import Path

import pytest
from pickle_bytes import STORAGE, tarred, tensor, torch_legacy, torch_zip, zipped

from modelready.formats import runnable, torch_files

DATA = Path(__file__).parents[1] / "data" / "torch"
FILES = sorted(DATA.glob("*.pt"))


def faults(place):
    return torch_files.faults(place)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_torch_wrote_is_whole_and_imports_nothing_of_its_own(path):
    """torch.load(weights_only=True) opens them all; the program is told as one."""
    found = runnable.findings(path)

    assert faults(path) == ()
    assert [one.what for one in found if not one.is_meant] == []
    assert bool(found) == (path.stem == "script")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_part_of_a_file_is_called_whole(path, write):
    """Wherever the download stopped."""
    whole = path.read_bytes()
    sizes = [*range(2, len(whole), 61), *range(len(whole) - 30, len(whole))]

    fine = [size for size in sizes if not faults(write("model.pt", whole[:size]))]

    assert fine == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_file_that_grew_is_called_whole(path, write):
    """Two downloads that ran into one file."""
    assert "7 bytes too many" in faults(write("model.pt", path.read_bytes() + b"x" * 7))[0]


@pytest.mark.parametrize(
    ("name", "cut", "words"),
    [
        pytest.param("state_legacy.pt", 1, "truncated by 1 byte: 1 of its 2 storages", id="legacy, a byte"),
        pytest.param("state_legacy.pt", 60, "truncated by 60 bytes: 2 of its 2 storages", id="legacy, both"),
        pytest.param("many.pt", 1, "the directory of the archive, at its end, is missing", id="zip, a byte"),
        pytest.param("state.pt", 1300, "truncated by about 257 bytes: its data.pkl names 2", id="zip, its storages"),
        pytest.param("state.pt", 1700, "truncated inside its data.pkl", id="zip, its pickle"),
    ],
)
def test_the_bytes_missing_are_counted(write, name, cut, words):
    """As far as the format tells: an archive has lost its directory, so what its pickle needs is added up."""
    (told,) = faults(write("model.pt", (DATA / name).read_bytes()[:-cut]))

    assert words in told


def edit(content, before, after):
    assert before in content
    return content.replace(before, after)


WHOLE = torch_zip(tensor(), ("data/0", STORAGE))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(torch_zip(tensor()), "lacks the storage '0' that its data.pkl names", id="a storage lost"),
        pytest.param(
            torch_zip(tensor(), ("data/0", STORAGE[:-4])),
            "'0' has 12 bytes, its data.pkl says 16",
            id="a short storage",
        ),
        pytest.param(
            torch_zip(tensor(kind="DoubleStorage"), ("data/0", STORAGE)), "says 32", id="a storage of another type"
        ),
        pytest.param(torch_zip(tensor()[:-9], ("data/0", STORAGE)), "its data.pkl", id="a pickle cut short"),
        pytest.param(edit(WHOLE, b"little", b"middle"), "'byteorder' says b'middle'", id="an unknown order of bytes"),
        pytest.param(edit(WHOLE, b"3\n", b"x\n"), "'version' says b'x\\n'", id="no version"),
        pytest.param(edit(WHOLE, b"version", b"vorsion"), "lacks its record 'version'", id="a version lost"),
        pytest.param(zipped(("a/model.bin", b"x")), "without data.pkl", id="a zip of something else"),
        pytest.param(edit(WHOLE, b"archive/data/0", b"archive/data.pkl"[:14]), "lacks the storage", id="renamed"),
        pytest.param(WHOLE.replace(b"\x00" * 4, b"\x00\x00\x00\x61", 1), "otherwise", id="a method of its own"),
        pytest.param(b"\x00" * 4096, "is no file of torch", id="zeros"),
        pytest.param(WHOLE[:-22] + bytes(22), "truncated", id="an end of zeros"),
        pytest.param(
            torch_legacy(storages=(struct.pack("<q", 5) + STORAGE,)), "has 5 elements, its pickle says 4", id="a count"
        ),
        pytest.param(torch_legacy(keys=("1",)), "lacks the storage '0'", id="a key lost"),
        pytest.param(torch_legacy(keys=("0", "1")), "'1', which nothing in it uses", id="a key more"),
        pytest.param(
            WHOLE[:-14] + struct.pack("<2H", 5, 4) + WHOLE[-10:], "has 5 members, its end says 4", id="a wrong count"
        ),
        pytest.param(tarred(("pickle", b""), ("storages", b"")), "lacks its member 'tensors'", id="tar, a member lost"),
        pytest.param(tarred(("pickle", bytes(2000)))[:1024], "is cut short: at least 1,488", id="tar, cut short"),
    ],
)
def test_what_is_wrong_is_told_in_words(write, content, words):
    """Rather than the loader's "internal miniz error"."""
    assert any(words in one for one in faults(write("model.pt", content)))


def test_members_that_lie_inside_one_another_are_told(write):
    """One storage may not be the bytes of another one."""
    whole = bytearray(torch_zip(tensor(), ("data/0", STORAGE), ("data/1", STORAGE)))
    first, second = (whole.rindex(name) for name in (b"archive/data/0", b"archive/data/1"))
    whole[second - 4 : second] = whole[first - 4 : first]

    assert any("lies inside another one" in one for one in faults(write("model.pt", bytes(whole))))


def test_an_archive_in_64_bits_is_read(write, monkeypatch):
    """Models are larger than 4 GiB: sizes and places then stand elsewhere."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)

    whole = torch_zip(tensor(), ("data/0", STORAGE))

    assert b"PK\x06\x06" in whole
    assert faults(write("model.pt", whole)) == ()
    assert faults(write("model.pt", whole[:-60])) != ()


def test_what_others_wrote_is_not_held_against_torch(write):
    """A .bin may be anything, and a .pt2 or a package of torch has no data.pkl."""
    assert faults(write("a.bin", zipped(("a.txt", b"x")))) == ()
    assert faults(write("a.pt", zipped(("m/archive_format", b"pt2"), ("m/models/model.json", b"{}")))) == ()


@pytest.mark.parametrize(
    ("content", "is_one"),
    [(WHOLE, True), (torch_legacy(), True), (tarred(("a", b"")), True), (b"lmgg" + bytes(600), False), (b"", False)],
    ids=["zip", "legacy", "tar", "whisper.cpp", "empty"],
)
def test_a_bin_is_told_by_what_it_holds(write, content, is_one):
    """Its name says nothing."""
    assert torch_files.is_inspected(write("pytorch_model.bin", content)) == is_one


def test_what_is_not_there_may_be_one(tmp_path):
    """Before a model is brought, nobody knows."""
    assert torch_files.is_inspected(tmp_path / "pytorch_model.bin")


def package_files(package, *endings):
    """Give the files of an installed *package*, which is not imported."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        pytest.skip(f"{package} is not installed: `nox -s tests` does that")
    return [path for path in Path(spec.origin).parent.rglob("*") if path.suffix in endings]


@pytest.mark.parametrize("package", ["lpips", "DISTS_pytorch"])
def test_published_weights_are_whole_and_run_nothing(package):
    """Legacy files, as people published them years ago."""
    found = package_files(package, ".pt", ".pth")

    assert found
    assert [faults(path) for path in found] == [()] * len(found)
    assert [runnable.findings(path) for path in found] == [()] * len(found)


def test_a_published_checkpoint_names_what_it_needs():
    """Whole, and of classes of its own: torch.load(weights_only=True) refuses it as well."""
    by_name = {path.stem: path for path in package_files("pesto", ".ckpt")}
    names = {one.imports for one in runnable.findings(by_name["mir-1k_g7"])}

    assert faults(by_name["mir-1k"]) == faults(by_name["mir-1k_g7"]) == ()
    assert runnable.findings(by_name["mir-1k"]) == ()
    assert "omegaconf.dictconfig.DictConfig" in names
    assert runnable.findings(by_name["mir-1k_g7"], names) == ()
