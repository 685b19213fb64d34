"""The wheel holds what the checkout holds, and behaves the same, from a folder where src/ is out of reach."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = ("LICENSE", "README.md", "pyproject.toml", "src", "catalogs", "checks", "fixtures")
FOLDERS = {"src/modelready": "modelready"} | {name: f"modelready/{name}" for name in ("catalogs", "checks", "fixtures")}
BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
TINY = '[[model]]\nname = "tiny"\nsource = "hf:acme/tiny"\n'


def copied(folder):
    """Copy what a wheel is built of, without what running it left behind."""
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy2(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """Give a folder that holds what the wheel holds, as site-packages would."""
    source, built = copied(tmp_path_factory.mktemp("source")), tmp_path_factory.mktemp("built")
    subprocess.run([sys.executable, "-P", "-c", BUILD, str(built)], cwd=source, check=True, capture_output=True)
    shutil.rmtree(source)
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        wheel.extractall(built / "site")
    return built / "site"


def environment(place, **more):
    kept = {name: os.environ[name] for name in os.environ if name.startswith(("COVERAGE_", "COV_")) or name == "PATH"}
    return kept | {"HOME": str(place), "MODELREADY_HOME": str(place / "state")} | more


def told(arguments, place, **more):
    """Give the exit status and what `modelready` with *arguments* prints in the empty folder *place*."""
    command = [sys.executable, "-P", "-m", "modelready", *arguments]
    done = subprocess.run(
        command, cwd=place, env=environment(place, **more), capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_the_wheel_holds_what_the_checkout_holds(unpacked):
    """A module, a check or a catalog that was forgotten is missed at once, not by a user."""
    kinds = {".py", ".toml", ".ini", ".json", ".typed", ".html", ".css", ".js", ".svg"}

    expected = {
        f"{target}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, target in FOLDERS.items()
        for path in (ROOT / folder).rglob("*")
        if path.suffix in kinds or path.name == "py.typed"
    }
    held = {path.relative_to(unpacked).as_posix() for path in (unpacked / "modelready").rglob("*") if path.is_file()}

    assert held == expected


def test_nothing_is_taken_from_the_checkout(unpacked, tmp_path):
    """Or the wheel would prove nothing."""
    program = (
        "import json, pkgutil, importlib, sys, modelready\n"
        "for one in pkgutil.walk_packages(modelready.__path__, 'modelready.'):\n"
        "    one.name.endswith('__main__') or importlib.import_module(one.name)\n"
        "print(json.dumps([m.__file__ for name, m in sys.modules.items() if name.startswith('modelready')]))"
    )

    done = subprocess.run(
        [sys.executable, "-P", "-B", "-c", program],
        cwd=tmp_path,
        env=environment(tmp_path, PYTHONPATH=str(unpacked)),
        capture_output=True,
        text=True,
        check=True,
    )

    assert [file for file in json.loads(done.stdout) if not Path(file).is_relative_to(unpacked)] == []


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--help"], id="help"),
        pytest.param(["explain", "--json"], id="explain"),
        pytest.param(["status", "--model", "all-*"], id="status"),
        pytest.param(["status", "--model", "nothing-like-this"], id="a wrong request"),
        pytest.param(["path", "all-minilm-l6-v2"], id="path"),
    ],
)
def test_wheel_and_checkout_say_the_same(unpacked, tmp_path, arguments):
    """Installed or edited, a command has one answer."""
    assert told(arguments, tmp_path, PYTHONPATH=str(unpacked)) == told(arguments, tmp_path)


@pytest.mark.parametrize("is_wheel", [False, True], ids=["checkout", "wheel"])
def test_wheel_and_checkout_judge_the_same(unpacked, machine, hub, tiny, is_wheel):
    """Provisioned, certified, damaged, refused: whichever is installed."""
    hub.add_repo("acme/tiny", tiny)
    machine.catalog(TINY)
    machine.variables |= {"PYTHONPATH": str(unpacked)} if is_wheel else {}

    told_by = machine.python("import modelready; print(modelready.__file__)").stdout
    brought, certified = machine.run("provision"), machine.run("certify")
    shard = next(machine.cache.glob("models--*/snapshots/*/model-00001-of-00002.safetensors")).resolve()
    shard.chmod(0o644)
    shard.write_bytes(shard.read_bytes()[:-1] + b"!")
    refused = machine.run("certify")

    assert [one.returncode for one in (brought, certified, refused)] == [0, 0, 1]
    assert Path(told_by).is_relative_to(unpacked) == is_wheel
    assert "model-00001-of-00002.safetensors" in refused.stdout
