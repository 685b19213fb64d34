"""The whole way of a model from CivitAI: brought, resumed, certified, refused; and the token is nowhere to be found."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from modelready import grounds
from modelready.downloads.worker import Order, Worker
from modelready.mirror import Cdn, Civitai
from modelready.placing import Options

MIB = 1 << 20
CATALOG = """
[[model]]
name = "real"
source = "civitai:1"
folder = "${MODELS_DIR}/ComfyUI"

[[model.file]]
path = "real.safetensors"
save_as = "checkpoints/real v50.safetensors"
min_size = "100 KB"
"""


@dataclass
class Shop:
    """A machine whose catalog requires a model from CivitAI; everything happens in this process."""

    place: Path
    endpoint: str
    catalog: str = CATALOG
    variables: dict[str, str] = field(default_factory=dict)
    opened: ExitStack = field(default_factory=ExitStack)

    @property
    def file(self) -> Path:
        """Give the place of the file."""
        return self.place / "models" / "ComfyUI" / "checkpoints" / "real v50.safetensors"

    @property
    def environ(self) -> dict[str, str]:
        """Give the machine's environment."""
        return {
            "HOME": str(self.place),
            "CIVITAI_ENDPOINT": self.endpoint,
            "HF_DOWNLOAD_MAX_RETRIES": "1",
            "MODELREADY_HOME": str(self.place / "state"),
            "MODELS_DIR": str(self.place / "models"),
            **self.variables,
        }

    def worker(self, **options) -> tuple[Worker, grounds.Requested]:
        """Give a worker for the model, as a new command would have."""
        path = self.place / "catalogs" / "catalog.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.catalog, encoding="utf-8")
        asked = grounds.requested(self.environ, self.place, catalogs=[path])
        self.opened.callback(asked.ground.close)
        models = asked.with_needs(list(asked.required))
        return Worker(Order(models, asked.ground, f"run-{time.monotonic_ns()}", Options(**options))), asked

    def bring(self, **options):
        """Bring the model; give its job."""
        worker, asked = self.worker(**options)
        worker.start()
        if bug := worker.join():
            raise bug
        return asked.ground.jobs.latest()["real"]


@pytest.fixture
def shop(tmp_path, civitai, weights):
    """Give the machine; its model is offered."""
    civitai.offer(1, weights)
    found = Shop(tmp_path / "shop", civitai.url)
    with found.opened:
        yield found


def large(path, count=70):
    """Make the file at *path* so large that several connections share it."""
    path.write_bytes(random.Random(2).randbytes(MIB) * count)
    return count * MIB


def digest(path):
    """Give the sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def loaded(civitai):
    """Give the requests that the host of the signed addresses got for the file, without the question for its size."""
    return [one for one in civitai.requests if one.kind == "cdn" and one.range != "bytes=0-0"]


def test_a_model_is_brought_to_its_place_and_a_second_run_asks_nobody(shop, civitai, weights):
    """The digest is learned from the API, proved, and kept in the receipt."""
    assert shop.bring().state == "completed"
    asked = len(civitai.requests)

    job = shop.bring()

    assert (job.state, job.bytes_fetched, len(civitai.requests)) == ("completed", 0, asked)
    assert shop.file.read_bytes() == weights.read_bytes()
    receipt = json.loads((shop.file.parents[1] / ".modelready" / "real.json").read_text())
    assert (receipt["commit"], digest(weights) in json.dumps(receipt)) == ("1", True)


def test_several_connections_share_a_large_file(shop, civitai, weights):
    """By ranges, each by the signed address, none of them with the token."""
    size = large(weights)
    civitai.offer(2, weights)
    shop.catalog = CATALOG.replace("civitai:1", "civitai:2")
    civitai.slow("*", 100 * MIB)

    assert shop.bring(connections=3).state == "completed"

    assert digest(shop.file) == digest(weights)
    assert len(loaded(civitai)) == 3
    assert sum(one.bytes_sent for one in loaded(civitai)) == size


def test_an_address_that_expired_is_renewed_and_nothing_comes_twice(tmp_path, weights):
    """Each is good for one request here; a file takes several."""
    size = large(weights)
    with Civitai(cdn=Cdn(uses=1)) as civitai, ExitStack() as opened:
        civitai.offer(1, weights)
        civitai.drop_after("*", 50_000, skip=1, times=2)

        job = Shop(tmp_path / "shop", civitai.url, opened=opened).bring(connections=1)

        assert (job.state, job.bytes_fetched) == ("completed", size)
        assert {one.status for one in loaded(civitai)} == {206, 403}
        assert sum(one.bytes_sent for one in loaded(civitai) if one.status == 206) == size


@pytest.mark.parametrize(
    ("spoil", "kind", "words"),
    [
        pytest.param(lambda served: served.flip_byte("*"), "digest_mismatch", ["sha256", "CivitAI says"], id="flipped"),
        pytest.param(
            lambda served: served.status("1", 401, kind="download", skip=1, body=b'{"error":"Unauthorized"}'),
            "unauthorised",
            ["real.safetensors", "401", "set CIVITAI_TOKEN"],
            id="401 later",
        ),
        pytest.param(
            lambda served: served.replace_body("1", b"<title>Log in</title>", kind="download", skip=1),
            "unauthorised",
            ["real.safetensors", "'Log in'", "set CIVITAI_TOKEN"],
            id="login page later",
        ),
        pytest.param(
            lambda served: served.status(
                "1", 403, kind="download", skip=1, body=b'{"error":"Early Access","deadline":"2099-01-01"}'
            ),
            "gated",
            ["real.safetensors", "buy early access", "2099-01-01"],
            id="early access later",
        ),
        pytest.param(
            lambda served: served.status("1", 429, kind="download", skip=1, headers={"Retry-After": "400"}),
            "rate_limited",
            ["429", "in 400 s"],
            id="429 later",
        ),
        pytest.param(
            lambda served: served.replace_body("*", b"<title>Oops</title>", kind="cdn", skip=1),
            "digest_mismatch",
            ["instead of 200000", "web page"],
            id="a page from the other host",
        ),
    ],
)
def test_what_comes_instead_of_the_file_never_gets_its_name(shop, civitai, spoil, kind, words):
    """Nor does it stay anywhere else."""
    spoil(civitai)

    job = shop.bring()

    told = f"{job.error_what}; {job.error_remedy}"
    assert (job.state, job.error_kind) == ("failed", kind), told
    assert all(word in told for word in words), told
    assert not shop.file.exists()


def test_a_busy_server_is_asked_again(shop, civitai):
    """429 with the seconds to wait, once."""
    civitai.status("1", 429, kind="version", times=1, headers={"Retry-After": "0"})
    civitai.status("1", 503, kind="download", times=1)

    assert shop.bring().state == "completed"


def test_two_files_of_a_version_by_name(shop, civitai, weights):
    """Both lie in the folder."""
    vae = weights.with_name("v?a:e.pt")
    vae.write_bytes(b"PK" * 100)
    civitai.offer(1, vae, type="VAE")
    shop.catalog = CATALOG.replace("folder =", 'include = ["*.safetensors", "v_a_e.pt"]\nfolder =')

    assert shop.bring().state == "completed"

    assert shop.file.is_file()
    assert (shop.file.parents[1] / "v_a_e.pt").read_bytes() == vae.read_bytes()


# ---- as a user sees it


@pytest.fixture
def user(machine, civitai, token):
    """Give a machine with the token in its environment, and a catalog of a model that asks for it."""
    machine.variables |= {"CIVITAI_ENDPOINT": civitai.url, "CIVITAI_TOKEN": token, "HF_DOWNLOAD_MAX_RETRIES": "1"}
    machine.catalog(CATALOG)
    return machine


def offered(civitai, weights):
    """Offer a large safetensors file to those who bring the token; give its size."""
    body = bytes(range(1, 251)) * (36 * MIB // 250)
    head = json.dumps({"w": {"dtype": "U8", "shape": [len(body)], "data_offsets": [0, len(body)]}}).encode()
    weights.write_bytes(len(head).to_bytes(8, "little") + head + body)
    civitai.offer(1, weights)
    civitai.set_terms(1, "token")
    return weights.stat().st_size


def command_lines():
    """Give what anybody on this machine may read of every process."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it ended meanwhile
            found.append(path.read_bytes())
    return b"\n".join(found)


def wait_for(condition, timeout_s=120):
    """Wait until *condition* holds."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def test_killed_and_resumed_certified_and_the_token_is_nowhere(user, civitai, weights, token):
    """Every line printed, every file written, every command line is searched for it."""
    size = offered(civitai, weights)
    civitai.slow("*", 8 * MIB, kind="cdn")
    first = user.start("provision", "-v")
    wait_for(lambda: civitai.bytes_sent() > size // 2)
    seen = command_lines()
    first.kill()
    text, _ = first.communicate(timeout=120)
    arrived = civitai.bytes_sent()
    civitai.heal()

    runs = [user.run(*words.split()) for words in ("plan", "provision --certificate c.json -v", "certify", "status")]

    assert [one.returncode for one in runs] == [0, 0, 0, 0], [one.stdout + one.stderr for one in runs]
    assert civitai.bytes_sent() - arrived < size * 3 // 4
    assert "complete" in runs[-1].stdout
    certificate = (user.place / "c.json").read_text()
    assert digest(weights) in certificate
    written = b"".join(path.read_bytes() for path in user.place.rglob("*") if path.is_file())
    printed = text + "".join(one.stdout + one.stderr for one in runs)
    assert token.encode() not in written + seen + printed.encode()
    assert not re.search(r"Signature=[0-9a-f]", printed + certificate)


def test_a_model_that_asks_for_a_token_costs_one_line_without(user, civitai, weights):
    """The line names the variable; nothing is written under the name of the file."""
    offered(civitai, weights)
    del user.variables["CIVITAI_TOKEN"]

    done = user.run("provision")

    text = done.stdout + done.stderr
    assert done.returncode == 1
    assert "Traceback" not in text
    assert "real: civitai:1: 127.0.0.1" in text
    assert "requires you to be logged in to download it" in text
    assert "set CIVITAI_TOKEN to an API key" in text
    assert not list((user.place / "models").rglob("*.safetensors"))


def test_lock_tells_what_changed_there(user, civitai, weights, tmp_path):
    """The version is the revision; the digest tells a file that was replaced."""
    weights.write_bytes(os.urandom(1000))
    civitai.offer(1, weights)
    locked = user.run("lock")
    civitai.remove(1)
    other = tmp_path / "other" / weights.name
    other.parent.mkdir()
    other.write_bytes(os.urandom(1000))
    civitai.offer(1, other)

    done = user.run("lock", "--check")

    assert (locked.returncode, done.returncode) == (0, 1)
    assert re.search(r"real: changed: real\.safetensors: sha256 \w{12} before, \w{12} now", done.stdout)
