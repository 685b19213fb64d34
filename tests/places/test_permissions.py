"""Places that may not be written: what is warm works, what is cold says so, in one line that names the place."""

from __future__ import annotations

import os
import subprocess

import pytest

CONTENT = {"a.bin": bytes(range(256)) * 2000, "b/c.json": b"{}", "empty.txt": b""}


def said(done):
    """Give all that a command said."""
    return done.stdout + done.stderr


def assert_refused(done, *words):
    """One clear error, no traceback."""
    assert done.returncode == 1, said(done)
    assert "Traceback" not in said(done)
    for word in words:
        assert word in said(done)


def owned(place, user=65534):
    """Give *place* and what is in it to *user*."""
    for one in (place, *place.rglob("*")):
        os.chown(one, user, user, follow_symlinks=False)


def test_a_warm_cache_that_is_read_only(machine, hub, serve, mounts):
    """It is provisioned and certified; nobody wants to write there."""
    serve(CONTENT)
    assert machine.run("provision").returncode == 0
    mounts.read_only(machine.place / "hf")
    hub.forget()

    again, certified = machine.run("provision"), machine.run("certify")

    assert again.returncode == 0, said(again)
    assert certified.returncode == 0, said(certified)
    assert hub.bytes_sent() == 0


def test_a_cold_cache_that_is_read_only(machine, hub, serve, mounts):
    """It is named, before a byte travelled."""
    serve(CONTENT)
    mounts.read_only(machine.place / "hf")

    done = machine.run("provision")

    assert_refused(done, str(machine.cache), "Read-only file system")
    assert hub.bytes_sent("*.bin") == 0


def test_an_ordinary_user_provisions_and_certifies(machine, serve, ordinary, cached):
    """With a home of its own, nothing else is needed."""
    serve(CONTENT)
    owned(machine.place)

    brought, certified = ordinary(machine, "provision"), ordinary(machine, "certify")

    assert brought.returncode == 0, said(brought)
    assert certified.returncode == 0, said(certified)
    assert cached(machine.cache) == CONTENT


@pytest.mark.parametrize("whose", ["hf", "hf/hub", "hf/hub/models--acme--big", "hf/hub/models--acme--big/snapshots"])
def test_a_folder_of_somebody_else(machine, serve, ordinary, whose):
    """What may not be written is named."""
    serve(CONTENT)
    (machine.place / whose).mkdir(parents=True)
    owned(machine.place)
    for folder in (machine.place / whose, *(machine.place / whose).rglob("*")):
        os.chown(folder, 0, 0)

    done = ordinary(machine, "provision")

    assert_refused(done, str(machine.place / "hf"), "Permission denied")


def test_a_warm_cache_of_somebody_else(machine, serve, ordinary, tmp_path):
    """An administrator fills it, everybody certifies it."""
    serve(CONTENT)
    assert machine.run("provision").returncode == 0
    home = tmp_path / "home"
    home.mkdir()
    owned(home)
    machine.variables["MODELREADY_HOME"] = str(home / "state")

    brought, certified = ordinary(machine, "provision", home=home), ordinary(machine, "certify", home=home)

    assert brought.returncode == 0, said(brought)
    assert certified.returncode == 0, said(certified)


def test_state_that_cannot_be_written(machine, serve, mounts):
    """Provisioning says which variable to set; certifying goes on without."""
    serve(CONTENT)
    assert machine.run("provision").returncode == 0
    mounts.read_only(machine.state)

    certified, brought = machine.run("certify"), machine.run("provision")

    assert certified.returncode == 0, said(certified)
    if brought.returncode:
        assert_refused(brought, str(machine.state), "MODELREADY_HOME")


def test_a_cold_machine_whose_state_cannot_be_written(machine, hub, serve, mounts):
    """Nothing travels where nobody could be told of it."""
    serve(CONTENT)
    mounts.read_only(machine.state)

    done = machine.run("provision")

    assert_refused(done, str(machine.state), "MODELREADY_HOME")
    assert hub.bytes_sent("*.bin") == 0


@pytest.mark.parametrize("home", ["unset", "read-only", "nowhere"])
def test_a_home_that_is_of_no_use(machine, serve, mounts, tmp_path, cached, home):
    """Where all places are named, none is looked for at home."""
    serve(CONTENT)
    if home == "read-only":
        mounts.read_only(tmp_path / "home")
    environment = machine.environment | {"HOME": str(tmp_path / "home") if home == "read-only" else "/nowhere"}
    if home == "unset":
        del environment["HOME"]

    done = subprocess.run(
        machine.command("provision"),
        env=environment,
        cwd=machine.place,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, said(done)
    assert cached(machine.cache) == CONTENT


def test_a_home_that_cannot_be_written_and_nothing_else_named(machine, hub, serve, mounts, tmp_path):
    """The default places are below it: they are named."""
    serve(CONTENT)
    mounts.read_only(tmp_path / "home")
    environment = machine.environment | {"HOME": str(tmp_path / "home")}
    for name in ("HF_HOME", "MODELREADY_HOME"):
        del environment[name]

    done = subprocess.run(
        machine.command("provision"),
        env=environment,
        cwd=machine.place,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert_refused(done, str(tmp_path / "home"))
    assert hub.bytes_sent("*.bin") == 0


@pytest.mark.parametrize("command", ["provision", "certify", "status", "plan"])
def test_a_working_directory_that_is_gone(machine, serve, tmp_path, command):
    """It is told in one line, and never with a traceback."""
    serve(CONTENT)
    gone = tmp_path / "gone"
    gone.mkdir()
    script = 'cd "$1" && rmdir "$1" && shift && exec "$@"'
    catalog = ("--catalog", str(machine.place / "catalogs"))

    done = subprocess.run(
        ["sh", "-c", script, "sh", str(gone), *machine.command(command, *catalog)],
        env=machine.environment,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert "Traceback" not in said(done)
    assert done.returncode in {0, 1, 4}, said(done)
    assert done.returncode != 4 or "director" in said(done)
