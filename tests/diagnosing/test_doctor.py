"""The doctor finds what is in the way, says what to do, and leaves the machine as it was."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from modelready import grounds
from modelready.diagnosing import bounded, doctor, endpoints, holders, places, programs, tokens, variables
from modelready.downloads.jobs import Job, Jobs
from modelready.mirror import Mirror

TOKEN = "hf_abcdefghijklmnopqrstuvwxyz01234567"


@pytest.fixture
def examined(tiny_machine):
    """Give a function that lets the doctor look at a machine, in this process."""

    def examine(**options):
        environ = tiny_machine.environment
        asked = grounds.requested(environ, tiny_machine.place, catalogs=[tiny_machine.place / "catalogs"], **options)
        try:
            return list(doctor.examine(doctor.Patient(asked, environ)))
        finally:
            asked.ground.close()

    return examine


def told(findings, level, topic=None):
    return [one.text for one in findings if one.level == level and topic in {None, one.topic}]


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_healthy_machine_has_nothing_in_the_way(examined, tiny_machine, hub):
    """Every topic is told of, nothing is brought, nothing is left."""
    before = everything(tiny_machine.place)

    findings = examined()

    assert told(findings, "fail") == []
    assert "no lock speaks of tiny" in told(findings, "warn", "catalog")[0]
    assert told(findings, "ok", "models") == ["0 lack nothing, as far as sizes tell; 1 can be brought"]
    topics = "versions catalog variables tokens endpoints models disk file system state locks"
    assert " ".join(dict.fromkeys(one.topic for one in findings)) == topics
    assert everything(tiny_machine.place) == before
    assert [one.path for one in hub.requests if "/resolve/" in one.path] == []


def test_what_is_in_the_way_is_found_at_once(examined, tiny_machine, hub):
    """A refused token, a model that is not there, a switch misspelt: none hides another."""
    tiny_machine.catalog(
        '[[model]]\nname = "gone"\nsource = "hf:acme/gone"\n[[model]]\nname = "tiny"\nsource = "hf:acme/tiny"\n'
        '[[model]]\nname = "off"\nsource = "hf:acme/off"\nenabled_by = ["ENABLE_TURBO"]\n'
    )
    tiny_machine.variables |= {
        "HF_TOKEN": f'"{TOKEN}"',
        "ENABLE_TURBOO": "1",
        "MODELREADY_REQIRE": "x",
        "TRANSFORMERS_CACHE": "/elsewhere",
    }

    findings = examined()

    (refused,) = told(findings, "fail", "endpoints")
    assert "refuses the token in HF_TOKEN" in refused
    assert "no such repository" in told(findings, "fail", "models")[0]
    assert "TRANSFORMERS_CACHE points at" in told(findings, "fail", "variables")[0]
    hints = {one.remedy for one in findings if one.topic == "variables" and one.level == "warn"}
    assert hints == {"did you mean ENABLE_TURBO?", "did you mean MODELREADY_REQUIRE?"}
    assert TOKEN not in repr(findings)


def test_a_server_that_is_not_there_is_told_and_its_models_are_not_asked_for(examined, tiny_machine):
    """The others still are."""
    with Mirror() as gone:
        tiny_machine.variables |= {"HF_ENDPOINT": gone.url}

    findings = examined()

    assert "cannot be reached" in told(findings, "fail", "endpoints")[0]
    assert told(findings, "fail", "models") == []
    assert "how much is still to come is not known" in told(findings, "warn", "disk")[0]


def test_offline_nobody_is_asked(examined, tiny_machine, hub):
    """It is told, and what is missing cannot be brought."""
    tiny_machine.variables |= {"HF_HUB_OFFLINE": "1"}

    findings = examined()

    assert "HF_HUB_OFFLINE forbids it" in told(findings, "warn", "endpoints")[0]
    assert hub.requests == ()


@pytest.mark.parametrize(
    ("environ", "held_by", "oddity"),
    [
        ({}, None, None),
        ({"HF_TOKEN": TOKEN}, "HF_TOKEN", ""),
        ({"HUGGING_FACE_HUB_TOKEN": TOKEN}, "HUGGING_FACE_HUB_TOKEN", ""),
        ({"HF_TOKEN": "hf_short"}, "HF_TOKEN", "does not have the usual form (hf_…)"),
        ({"HF_TOKEN": f"'{TOKEN}'"}, "HF_TOKEN", "stands in quotes, which are sent with it"),
        ({"HF_TOKEN": f"{TOKEN} x"}, "HF_TOKEN", "holds characters that no token has"),
        ({"HF_TOKEN": TOKEN, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}, None, None),
    ],
)
def test_a_token_is_known_by_its_holder_and_its_form(tmp_path, environ, held_by, oddity):
    """Never by its letters."""
    settings = grounds.environment.read({"HF_HOME": str(tmp_path), "HOME": str(tmp_path)})

    found = tokens.of_hub(environ, settings)

    assert (found and found.held_by, found and found.oddity) == (held_by, oddity)
    assert TOKEN not in repr(found) + tokens.whence(environ, settings)


def test_a_token_of_hf_auth_login_is_found(tmp_path):
    """It lies in a file."""
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    settings = grounds.environment.read({"HF_HOME": str(tmp_path), "HOME": str(tmp_path)})

    assert tokens.of_hub({}, settings).letters == TOKEN


def test_a_gated_model_needs_a_token(tmp_path):
    """Before anything is asked for."""
    settings = grounds.environment.read({"HF_HOME": str(tmp_path), "HOME": str(tmp_path)})

    (found,) = tokens.examine({}, settings, frozenset({"hf"}), ["flux"])

    assert (found.level, "flux cannot be had without" in found.text) == ("fail", True)


@pytest.fixture
def late():
    """Give the address of a server whose clock runs differently, and that may be slow to answer."""

    class Answering(BaseHTTPRequestHandler):
        date = "Thu, 01 Jan 2015 00:00:00 GMT"
        silent = threading.Event()

        def do_GET(self):
            if self.path == "/silent/":
                self.silent.wait(60)
            self.send_response_only(200)
            self.send_header("Date", self.date)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        Answering.silent.set()
        server.shutdown()


def test_a_clock_that_is_off_is_told(late):
    """By the date that the server's answer carries."""
    seen = endpoints.look(late)

    findings = list(endpoints._judged(seen, ""))
    assert [one.level for one in findings] == ["ok", "fail"]
    assert "this machine's clock is " in findings[1].text
    assert " h ahead" in findings[1].text


def test_a_silent_server_is_left_soon(late):
    """The question ends, whatever the server does."""
    seen = endpoints.look(f"{late}/silent", patience_s=0.5)

    assert seen.error.kind == "stalled"


def test_what_hangs_is_left_behind():
    """As a name server may; the others' answers are there."""
    over = threading.Event()

    found = bounded.all_within(0.5, [lambda: over.wait(60), lambda: "there"])

    over.set()
    assert found == [None, "there"]


def test_a_bug_is_no_answer():
    """It is not taken for a server that is silent."""
    with pytest.raises(ZeroDivisionError):
        bounded.all_within(60, [lambda: 1 // 0])


def test_the_room_is_that_of_all_models_on_a_disk(tmp_path):
    """Two that fit one by one may not fit together."""
    room = places.free(tmp_path)[0]
    two = [places.Place(tmp_path / name, room * 2 // 3) for name in ("a", "b")]

    findings = list(places.examine(two))

    assert [one.level for one in findings if one.topic == "disk"] == ["fail"]
    assert list(tmp_path.iterdir()) == []


def test_what_a_file_system_can_is_tried(tmp_path):
    """Here links work, and a file that is renamed stays itself."""
    (links, numbers) = places._file_system(tmp_path)

    assert ": symlinks, hard links, " in links.text
    assert numbers.level == ("ok" if "every certify reads" not in numbers.text else "warn")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_that_cannot_be_written_is_told(tmp_path):
    """With its reason."""
    tmp_path.chmod(0o500)

    (found,) = places._file_system(tmp_path)

    assert (found.level, "Permission denied" in found.text) == ("fail", True)


def test_a_state_folder_that_cannot_be_written_is_told(examined, tiny_machine):
    """The queue and the rows of downloads lie there; a file in its place is what even root cannot write into."""
    tiny_machine.variables["MODELREADY_HOME"] = str(tiny_machine.place / "file" / "state")
    (tiny_machine.place / "file").touch()

    (told_of_it,) = told(examined(), "warn", "state")

    assert "cannot be written: Not a directory" in told_of_it


def test_a_model_that_only_lacks_names_lacks_something(examined, tiny_machine):
    """Its bytes are here, and yet it is not in place."""
    tiny_machine.run("provision")
    next(tiny_machine.cache.rglob("snapshots/*/config.json")).unlink()

    assert told(examined(), "ok", "models") == ["0 lack nothing, as far as sizes tell; 1 can be brought"]


def test_who_holds_a_lock_is_told_by_name_and_never_by_its_arguments(tmp_path):
    """A suspended holder keeps everybody waiting: that fails."""
    lock = tmp_path / "home" / "locks" / "active.lock"
    lock.parent.mkdir(parents=True)
    code = "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.flock(f, fcntl.LOCK_EX); print(1, flush=True); input()"
    command = [sys.executable, "-c", code, str(lock), f"--token={TOKEN}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        (alive,) = holders.examine(tmp_path / "home", tmp_path / "cache", (), ())
        os.kill(process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        (stopped,) = holders.examine(tmp_path / "home", tmp_path / "cache", (), ())
        os.kill(process.pid, signal.SIGCONT)
        process.communicate("\n", timeout=60)
    (free,) = holders.examine(tmp_path / "home", tmp_path / "cache", (), ())

    assert (alive.level, stopped.level, free.level) == ("ok", "fail", "ok")
    assert f"process {process.pid} (" in alive.text
    assert ", suspended)" in stopped.text
    assert TOKEN not in alive.text + stopped.text
    assert "none is held" in free.text


def test_a_lock_of_our_own_process_is_seen(tmp_path):
    """The kernel tells of every holder."""
    path = tmp_path / "x.lock"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)

        assert holders.of_kernel(path) in {(os.getpid(),), ()}  # some file systems hide which


def test_downloads_that_nobody_works_on_are_told(tmp_path):
    """Their process was killed."""
    jobs = Jobs(tmp_path)
    jobs.write(Job("run", "flux", state="downloading", beat=time.time() - 3600), Job("run", "tts", state="completed"))

    findings = list(holders.examine(tmp_path, tmp_path, (), jobs.latest().values()))
    jobs.close()

    assert [one.text for one in findings if one.level == "warn"] == [
        "downloads of flux stand as running, and nobody works on them"
    ]


def test_a_library_that_is_too_old_fails(monkeypatch):
    """With the command that mends it."""
    true = programs._version
    monkeypatch.setattr(programs, "_version", lambda name: "0.30.1" if name == "huggingface_hub" else true(name))

    (found,) = (one for one in programs.examine(frozenset()) if one.level == "fail")

    assert found.text == "huggingface_hub 0.30.1"
    assert found.remedy.startswith('install it: pip install "huggingface_hub')


def test_a_variable_that_nobody_reads_is_told_once(tmp_path):
    """Those of other programs are left alone."""
    environ = {"HOME": str(tmp_path), "PATH": "/bin", "ENABLE_X": "1", "MODELREADY_HOME": "/x", "EMPTY": ""}

    findings = list(variables.examine(environ, (), ()))

    assert [one.text for one in findings if one.level == "warn"] == [
        "ENABLE_X is set, and no catalog names such a switch"
    ]


def test_the_command_tells_line_by_line_and_as_json(tiny_machine):
    """The face: colours are for terminals, the exit status for scripts."""
    plain, data = tiny_machine.run("doctor"), tiny_machine.run("doctor", "--json")

    assert (plain.returncode, data.returncode) == (0, 0), plain.stdout + plain.stderr
    assert "\nendpoints\n  ok    127.0.0.1" in plain.stdout
    assert "\x1b" not in plain.stdout
    found = json.loads(data.stdout)
    assert found["result"] in {"ok", "warn"}
    assert {"topic", "level", "text", "remedy"} == set(found["findings"][0])
    assert not tiny_machine.state.exists()
