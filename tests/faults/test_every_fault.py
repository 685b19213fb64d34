"""Each row of the table of faults: the real command, right bytes or one clear error, and nothing hangs."""

from __future__ import annotations

import re

import pytest

from conformance import contents, verdicts
from conformance.cases import ERROR, KEPT, RIGHT
from conformance.disks import NoDisks
from conformance.programs import Modelready
from conformance.scenarios import CASES
from conformance.scene import Scene


def played(case, scene):
    """Play *case*; skip it where the machine cannot."""
    try:
        return case.play(scene)
    except NoDisks as error:
        pytest.skip(str(error))


@pytest.fixture
def stage(tmp_path):
    """Give a function that opens the stage of a case."""

    def opened(case):
        return Scene(tmp_path, Modelready(), case.size, case.cdn, dict(case.variables))

    return opened


@pytest.mark.parametrize("case", [one for one in CASES if one.ends == RIGHT], ids=lambda case: case.id)
def test_a_fault_that_passes_ends_in_the_right_bytes(case, stage):
    """Exit 0, every file as it is upstream, no HEAD, nothing under a wrong name."""
    with stage(case) as scene:
        ended = played(case, scene)

        assert verdicts.of(scene, ended) == "right", ended.text
        assert scene.wrong_files() == []
        assert case.flaw(scene) == ""
        assert "HEAD" not in {one.method for one in scene.hub.requests}


@pytest.mark.parametrize("case", [one for one in CASES if one.ends == ERROR], ids=lambda case: case.id)
def test_a_fault_that_lasts_is_one_clear_error_and_harms_nothing(case, stage):
    """Exit 1, the cause by name, no traceback, no wrong or lost file; what arrived is kept for the run that mends."""
    with stage(case) as scene:
        ended = played(case, scene)
        wrong, complaints = scene.wrong_files(), ended.text
        is_offline = "without the network" in case.words
        case.mend(scene)
        scene.hub.forget()
        again = scene.run()

        assert ended.status == 1, complaints
        assert re.search(case.names, complaints), complaints
        assert "Traceback" not in complaints
        assert ended.lost == ()
        assert wrong == [] or is_offline  # only what the case itself damaged
        assert verdicts.of(scene, again) == "right", again.text
        assert not case.keeps or scene.hub.bytes_sent(contents.WEIGHTS) < scene.weights_size * 0.8


@pytest.mark.parametrize("case", [one for one in CASES if one.ends == KEPT], ids=lambda case: case.id)
def test_what_was_proved_stays_whatever_the_hub_says_meanwhile(case, stage):
    """Nothing is asked about what is in place: it is proved again as the version that it is."""
    with stage(case) as scene:
        ended = played(case, scene)

        assert verdicts.of(scene, ended) == verdicts.OLD, ended.text
        assert scene.wrong_files() == []
        assert scene.hub.requests == ()


def test_a_server_that_stays_silent_costs_a_minute_with_the_default_settings(tmp_path):
    """Nothing hangs, whatever the settings: the longest wait there is, once."""
    defaults = {"HF_HUB_ETAG_TIMEOUT": "10", "HF_HUB_DOWNLOAD_TIMEOUT": "10", "HF_DOWNLOAD_MAX_RETRIES": "5"}
    with Scene(tmp_path, Modelready(), variables=defaults) as scene:
        scene.hub.stall("*", kind="body")

        ended = scene.start().end(timeout_s=70)  # a minute, and what starting a program takes

        assert ended.status == 1, ended.text
        assert "silent" in ended.text
