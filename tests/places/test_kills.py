"""Killed at any point and run again: the right bytes, and next to nothing travels twice."""

from __future__ import annotations

import os
import random
import time

import pytest

MIB = 1024 * 1024
BIG = 8 * MIB
FEW = 288 * 1024  # a step of the journal, and the journal itself


def said(done):
    """Give all that a command said."""
    return done.stdout + done.stderr


def kill_when(run, is_time):
    """Kill *run* once *is_time*, or let it end."""
    while run.poll() is None and not is_time():
        time.sleep(0.002)
    run.kill()
    run.communicate(timeout=30)


@pytest.mark.parametrize("share", [random.Random(3).uniform(number / 4, (number + 1) / 4) for number in range(4)])
def test_one_file_killed_at_any_point(machine, hub, serve, cached, share):
    """What arrived is gone on with, once and twice."""
    files = {"a.bin": os.urandom(BIG)}
    serve(files)
    hub.slow("*a.bin", bytes_per_s=8 * MIB)
    for point in (share / 2, share):
        kill_when(machine.start("provision"), lambda point=point: hub.bytes_sent("*a.bin") > point * BIG)
    arrived = sum(part.stat().st_blocks * 512 for part in machine.cache.glob("models--*/blobs/*.incomplete"))
    hub.heal()
    hub.forget()

    done = machine.run("provision")

    assert done.returncode == 0, said(done)
    assert hub.bytes_sent("*a.bin") <= BIG - arrived + arrived // 10 + FEW
    assert cached(machine.cache) == files


@pytest.mark.parametrize("layout", ["hub-cache", "folder"])
@pytest.mark.parametrize("share", [0.0, 0.6, 0.97])
def test_many_files_killed_while_they_get_their_names(machine, hub, serve, share, layout):
    """Some have their names, some only lie there, some are half: each travels once, but for those on their way."""
    files = {f"{number % 7}/{number:03}.bin": os.urandom(3000 + number) for number in range(150)}
    total = sum(map(len, files.values()))
    serve(files, extra=f'layout = "{layout}"\n')
    kill_when(machine.start("provision"), lambda: hub.bytes_sent("*.bin") >= share * total)
    arrived = hub.bytes_sent("*.bin")
    hub.forget()

    done = machine.run("provision")
    again = hub.bytes_sent("*.bin")
    certified = machine.run("certify", "--reread")

    assert done.returncode == 0, said(done)
    assert certified.returncode == 0, said(certified)
    assert again <= total - arrived + arrived // 10 + 64 * 1024
