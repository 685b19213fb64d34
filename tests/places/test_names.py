"""Names that other programs trip over: all of them arrive, or are refused in words."""

from __future__ import annotations

import pytest

LONGEST = "x" * 251 + ".bin"
NAMES = [
    "with space.bin",
    "ünïcödé/模型 🙂.json",
    "hash#tag.bin",
    "per%cent%20.txt",
    "question?.txt",
    "a&b=c;d+e,f.txt",
    "quote'\".txt",
    "[brackets]{x}.txt",
    "-starts-with-dash.txt",
    LONGEST,
]


def said(done):
    """Give all that a command said."""
    return done.stdout + done.stderr


@pytest.mark.parametrize("layout", ["hub-cache", "folder"])
def test_every_name_arrives_wherever_the_place_is_called_what(machine, hub, serve, cached, tmp_path, layout):
    """Addresses are quoted, paths are not; a second run asks for nothing."""
    files = {name: f"{name}\n".encode() * 50 for name in NAMES}
    place = tmp_path / "my models, 100% ü #1 🙂"
    machine.variables |= {"HF_HOME": str(place / "hf"), "MODELS_DIR": str(place / "models")}
    serve(files, extra=f'layout = "{layout}"\n')

    done = machine.run("provision")
    hub.forget()
    again, certified = machine.run("provision"), machine.run("certify")

    assert done.returncode == 0, said(done)
    assert (again.returncode, certified.returncode) == (0, 0), said(again) + said(certified)
    assert hub.bytes_sent() == 0
    if layout == "hub-cache":
        assert cached(place / "hf" / "hub") == files
    else:
        root = place / "models" / "big"
        assert {name: (root / name).read_bytes() for name in files} == files


@pytest.mark.parametrize("layout", ["hub-cache", "folder"])
def test_a_file_whose_path_grows_too_long(machine, hub, serve, layout):
    """What the file system cannot hold is told before a byte travels."""
    deep = "/".join(["d" * 200] * 15)
    serve({f"{deep}/a.bin": b"weights" * 100}, extra=f'layout = "{layout}"\n')
    place = machine.place
    for _ in range(6):
        place /= "h" * 200
    machine.variables |= {"HF_HOME": str(place), "MODELS_DIR": str(place)}

    done = machine.run("provision")

    assert done.returncode == 1, said(done)
    assert "too long" in said(done)
    assert "Traceback" not in said(done)
    assert hub.bytes_sent("*.bin") == 0


def test_a_home_whose_path_is_too_long(machine, serve):
    """State cannot be kept there: it is named, with the variable to set."""
    serve({"a.bin": b"weights" * 100})
    machine.variables["MODELREADY_HOME"] = "/tmp/" + "/".join(["s" * 200] * 25)

    done = machine.run("provision")

    assert done.returncode == 1, said(done)
    assert "MODELREADY_HOME" in said(done)
    assert "Traceback" not in said(done)
