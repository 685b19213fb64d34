"""`modelready serve` as a user runs it: readiness, restarts after a kill, and several on one state folder."""

from __future__ import annotations

import re
import signal
import threading
import time
from contextlib import ExitStack

import pytest
import requests

from modelready.downloads.jobs import Jobs
from modelready.downloads.queue import Queue

TWO = """
[[model]]
name = "tiny"
source = "hf:acme/tiny"

[[model]]
name = "big"
source = "hf:acme/big"
"""


class Served:
    """One server process."""

    def __init__(self, machine):
        self.process = machine.start("serve", "--port", "0", "--no-certify")
        self.url = _address(self.process)
        self._reader = threading.Thread(target=self.process.stdout.read)
        self._reader.start()

    def start(self, model):
        return requests.post(f"{self.url}/api/model-download/{model}/start", timeout=60).status_code

    def status(self, model):
        return requests.get(f"{self.url}/api/model-download-status/{model}", timeout=60).json()

    def kill(self):
        self.process.kill()
        self.process.wait(60)
        self._reader.join(60)
        self.process.stdout.close()


def _address(process):
    line = process.stdout.readline()
    found = re.search(r"http://[^\s;]+:\d+", line)
    assert found, line + process.stdout.read()
    return found[0]


def _until(condition, timeout_s=120):
    end = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)
    return found


@pytest.fixture
def stocked(machine, hub, tiny, tmp_path):
    """Give a machine that requires a small and a larger model."""
    big = tmp_path / "upstream" / "big"
    big.mkdir()
    (big / "weights.bin").write_bytes(bytes(range(256)) * 16_384)
    hub.add_repo("acme/tiny", tiny)
    hub.add_repo("acme/big", big)
    machine.catalog(TWO)
    machine.variables |= {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}
    return machine


def test_a_server_certifies_what_it_brought_and_is_ready_while_that_is_true(machine, hub, tiny, request, listener):
    """Ready is what the last certificate says of the files as they are now; both ends are given notice of."""
    hub.add_repo("acme/tiny", tiny)
    machine.catalog('[[model]]\nname = "tiny"\nsource = "hf:acme/tiny"\n')
    server = machine.start("serve", "--port", "0", "--notify", listener.url)
    request.addfinalizer(server.kill)  # a server is nothing that a failed test may leave behind
    url = _address(server)

    def ready():
        return requests.get(f"{url}/readyz", timeout=60)

    before = ready()
    requests.post(f"{url}/api/model-download/tiny/start", timeout=60)
    _until(lambda: ready().status_code == 200)
    certificate = requests.get(f"{url}/api/certificate", timeout=60).json()
    verdict = requests.get(f"{url}/api/models", timeout=60).json()["models"][0]["verdict"]
    next(machine.cache.glob("models--*/snapshots/*/words.json")).write_text('["cat", "dog", "owl"]')
    _until(lambda: ready().status_code == 503)  # not the answer itself: requests calls a refusal false
    after = ready()

    heard = requests.get(f"{url}/api/events", stream=True, timeout=60)
    server.send_signal(signal.SIGTERM)
    events = heard.raw.read().decode()
    rest = server.communicate(timeout=60)[0]
    assert (before.status_code, before.json()["status"]) == (503, "not ready")
    assert certificate["words"].endswith("1 of 1 required model is proved")
    assert (verdict["result"], verdict["checks"][0]["outcome"]) == ("proved", "passed")
    assert "words.json was changed" in after.json()["why"]
    assert (server.returncode, rest) == (0, "")  # stderr too, also of one whom somebody listened to
    assert events.startswith("id: ")
    assert [listener.heard()["event"] for _ in range(2)] == ["job", "certification"]


def test_six_on_one_state_folder_survive_a_kill(stocked, hub):
    """Four servers and two runs of the suite: each byte travels about once, one model at a time, none is stuck."""
    hub.slow("weights.bin", bytes_per_s=1_500_000)
    with ExitStack() as ends:
        servers = [Served(stocked) for _ in range(4)]
        for one in servers:
            ends.callback(one.kill)
        answers = [one.start(model) for model in ("big", "tiny") for one in servers]
        jobs = Jobs(stocked.state)
        ends.callback(jobs.close)
        queue = Queue(jobs, stocked.state)
        claimed = _until(lambda: next((job for job in queue.open_jobs() if job.bytes_fetched > 500_000), None))
        suites = [stocked.start("provision", "-q") for _ in range(2)]
        killed, *left = sorted(servers, key=lambda one: one.process.pid != claimed.pid)

        killed.kill()
        hub.heal()
        seen = []
        _until(lambda: seen.append(_at_work(queue)) or not queue.open_jobs())

        told = [one.status(model) for one in left for model in ("big", "tiny")]
        outputs = [suite.communicate(timeout=120)[0] for suite in suites]
        assert sorted(answers) == [200] * 6 + [202] * 2
        assert [one["status"] for one in told] == ["completed"] * 6
        assert (told[0]["attempts"], told[0]["error"]) == (2, None)
        assert max(map(len, seen)) <= 1
        assert [suite.returncode for suite in suites] == [0, 0], outputs
        assert hub.bytes_sent() < 4_194_304 * 1.5 + 100_000


def _at_work(queue):
    return {job.run for job in queue.open_jobs() if job.claimed and job.state == "downloading"}


def test_a_server_without_its_extra_is_one_line(machine):
    """It says what to install."""
    machine.catalog('[[model]]\nname = "tiny"\nsource = "hf:acme/tiny"\n')
    program = (
        "import importlib.util, sys; find = importlib.util.find_spec;"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'uvicorn' else find(name, *rest);"
        "from modelready.cli import run; sys.exit(run(['serve']))"
    )

    done = machine.python(program)

    assert done.returncode == 4
    assert "pip install '.[web]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_server_for_others_without_a_token_is_one_line(machine):
    """Before anything listens."""
    machine.catalog('[[model]]\nname = "tiny"\nsource = "hf:acme/tiny"\n')

    done = machine.run("serve", "--host", "0.0.0.0", "--port", "0")

    assert (done.returncode, done.stdout) == (4, "")
    assert "MODELREADY_ADMIN_TOKEN" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_server_that_cannot_keep_its_queue_is_one_line(machine):
    """Before it says that it serves; it neither hangs nor has to be killed."""
    machine.catalog('[[model]]\nname = "tiny"\nsource = "hf:acme/tiny"\n')
    machine.state.mkdir(parents=True)
    (machine.state / "locks").write_text("a file where a folder belongs")

    done = machine.run("serve", "--port", "0")

    assert (done.returncode, done.stdout) == (1, "")
    assert "locks" in done.stderr
    assert len(done.stderr.splitlines()) == 1
