"""One cache and several who use it: other machines, other programs, file systems that lack something."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

MIB = 1024 * 1024


def said(done):
    """Give all that a command said."""
    return done.stdout + done.stderr


@pytest.fixture
def two(machine, mounts, serve, tmp_path):
    """Give two machines that see one cache at two places, each with a state folder of its own."""
    serve({"a.bin": os.urandom(MIB) * 24})
    other = dataclasses.replace(machine, place=tmp_path / "other")
    other.catalog((machine.place / "catalogs" / "catalog.toml").read_text())
    mounts.tmpfs(machine.cache, size="100m")
    mounts.bind(machine.cache, other.cache)
    return machine, other


def arrives(machine):
    """Tell whether a part of the file has arrived."""
    parts = list(machine.cache.glob("models--*/blobs/*.incomplete"))
    return parts and parts[0].stat().st_blocks * 512 > 2 * MIB


def line_of(run, words):
    """Give the first line of *run* that says *words*, once it does; nothing if it ends without."""
    return next((line for line in run.stdout if words in line), "")


def test_two_machines_make_one_download(two, hub, begin, cached):
    """The lock is in the cache, where both see it."""
    here, there = two
    hub.slow("*a.bin", bytes_per_s=12 * MIB)

    runs = [begin(one, "provision") for one in (here, there)]
    texts = [run.communicate(timeout=60)[0] for run in runs]

    assert [run.returncode for run in runs] == [0, 0], texts
    assert hub.bytes_sent("*a.bin") < 30 * MIB
    assert cached(there.cache).keys() == {"a.bin"}


def test_a_dead_holder_on_another_machine_is_taken_over(two, hub, begin, patience):
    """Its kernel lock died with it; what it brought is gone on with."""
    here, there = two
    hub.slow("*a.bin", bytes_per_s=MIB)
    first = begin(here, "provision")
    patience(lambda: arrives(here))
    second = begin(there, "provision")
    line = line_of(second, "waits for")
    first.kill()
    first.communicate(timeout=30)
    hub.heal()

    text, _ = second.communicate(timeout=60)

    assert f"process {first.pid}" in line
    assert second.returncode == 0, text


def test_a_frozen_holder_on_another_machine_is_named_while_it_is_waited_for(two, hub, begin, patience):
    """Who waits knows for whom, and can be stopped at any time."""
    here, there = two
    hub.slow("*a.bin", bytes_per_s=MIB)
    first = begin(here, "provision")
    patience(lambda: arrives(here))
    first.send_signal(signal.SIGSTOP)
    second = begin(there, "provision")

    line = line_of(second, "waits for")
    second.send_signal(signal.SIGINT)
    second.communicate(timeout=30)

    assert f"process {first.pid}" in line
    assert second.returncode == 2


HF = """
import sys
from huggingface_hub import snapshot_download
snapshot_download("acme/big")
"""


@pytest.mark.parametrize("first", ["hf download", "modelready"])
def test_hf_download_at_the_same_time(machine, hub, serve, begin, patience, cached, first):
    """Both end well, whoever came first, and the cache is what huggingface_hub itself accepts."""
    files = {"a.bin": os.urandom(MIB) * 12, "b.bin": os.urandom(MIB), "c.json": b"{}"}
    serve(files)
    hub.slow("*a.bin", bytes_per_s=6 * MIB)
    machine.variables |= {"HF_HUB_DISABLE_XET": "1"}
    programs = {"hf download": [sys.executable, "-P", "-c", HF], "modelready": machine.command("provision")}
    one = begin(machine, program=programs.pop(first))
    patience(lambda: list(machine.cache.glob("models--*/blobs/*.incomplete")))
    other = begin(machine, program=programs.popitem()[1])
    texts = [run.communicate(timeout=60)[0] for run in (one, other)]
    certified = machine.run("certify")
    judge = str(Path(sys.executable).with_name("hf"))
    verified = subprocess.run(
        [judge, "cache", "verify", "acme/big"],
        env=machine.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert [one.returncode, other.returncode] == [0, 0], "\n".join(map(str, texts))
    assert certified.returncode == 0, said(certified)
    assert verified.returncode == 0, said(verified)
    assert cached(machine.cache) == files


def test_a_cache_without_links(machine, hub, serve, cached):
    """The bytes lie where the links would; files that are alike are copies; nothing travels twice."""
    content = os.urandom(500_000)
    files = {"a.bin": content, "b/same.bin": content, "c.json": b"{}", "empty": b""}
    serve(files)
    machine.variables["HF_HUB_DISABLE_SYMLINKS"] = "1"

    first = machine.run("provision")
    sent = hub.bytes_sent("*.bin")
    hub.forget()
    second, certified = machine.run("provision"), machine.run("certify")

    assert (first.returncode, second.returncode, certified.returncode) == (0, 0, 0), said(first) + said(certified)
    assert sent <= len(content) * 1.1
    assert hub.bytes_sent("*.bin") == 0
    assert cached(machine.cache) == files
    assert not [one for one in machine.cache.rglob("*") if one.is_symlink()]
