"""The recipe for a Modal Volume, through the real client to a server on loopback; its document's troubleshooting."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time

import pytest

from modelready.mirror import Mirror

from .conftest import RECIPES, REPOS, Container, make_upstream
from .modal_server import ModalServer

DOWNLOAD = "recipe.download_all_models.local({!r})"
FOLDER = "Qwen3-TTS-12Hz-0.6B-Base"


@pytest.fixture(scope="module")
def downloaded(tmp_path_factory):
    """Give the Volume as downloading the small size leaves it, the calls that were made, and the run: once for all."""
    place = tmp_path_factory.mktemp("downloaded")
    make_upstream(place / "tiny")
    with Mirror() as hub, ModalServer(place / "modal") as server:
        for repo in REPOS:
            hub.add_repo(repo, place / "tiny")
        done = Container(place / "writer", server, hub.url).run("download_models", DOWNLOAD.format("0.6B"))
    return server.kept, tuple(server.calls), done


@pytest.fixture
def server(tmp_path):
    with ModalServer(tmp_path / "modal") as server:
        yield server


@pytest.fixture
def filled(server, downloaded):
    """Give a Volume on which the small size lies, proved."""
    kept, _, done = downloaded
    assert done.returncode == 0, done.stdout + done.stderr
    server.volumes.add("qwen3-tts-models")
    shutil.copytree(kept, server.kept, dirs_exist_ok=True, symlinks=True)
    return server


@pytest.fixture
def container(tmp_path, hub, server, upstream):
    """Give a function that makes a container: several share one Volume."""

    def make(name="writer", **variables):
        return Container(tmp_path / name, server, hub.url, variables)

    return make


def test_every_model_is_committed_and_last_the_certificate(downloaded):
    """The tokenizer always, its own folder of each model, and no state of ours on the Volume."""
    _, calls, done = downloaded

    assert done.returncode == 0, done.stdout + done.stderr
    assert calls[0] == ("reload", ())
    commits = [files for call, files in calls if call == "commit"]
    assert len(commits) == 3  # the tokenizer, the model, the certificate
    assert f"{FOLDER}/speech_tokenizer/config.json" in commits[-1]
    assert "Qwen3-TTS-Tokenizer-12Hz/config.json" in commits[0]
    assert commits[-1].count("certificate.json") == 1
    assert not [name for name in commits[-1] if "sqlite" in name or "1.7B" in name]


def test_what_was_downloaded_is_served_once_it_is_proved(container, filled):
    """The reader is another container: it reloads, verifies, and is given the folder."""
    reader = container("reader")

    served = reader.run("serve", "print(recipe.certified_folder('0.6B'))")

    assert served.returncode == 0, served.stdout + served.stderr
    assert f"{reader.mount}/certificate.json: still true: 2 models" in served.stdout
    assert served.stdout.splitlines()[-1] == f"{reader.mount}/{FOLDER}"
    assert [call for call, _ in filled.calls] == ["reload"]


def test_a_model_that_the_certificate_does_not_prove_is_not_loaded(container, filled):
    """Only the small size was downloaded; the server wants the large one."""
    served = container("reader").run("serve", "recipe.certified_folder('1.7B')")

    assert served.returncode == 1
    assert "qwen3-tts-1.7b-base: is required here" in served.stderr
    assert "are not proved: `modal run download_models.py`" in served.stderr


def test_models_that_disappear_are_told_before_anything_loads(container, filled):
    """Troubleshooting "Volume Not Persisting": the reader sees what was committed, and says what is not there."""
    (filled.kept / FOLDER / "model-00001-of-00002.safetensors").unlink()

    served = container("reader").run("serve", "recipe.certified_folder('0.6B')")

    assert served.returncode == 1
    assert "qwen3-tts-0.6b-base/model-00001-of-00002.safetensors: is not here" in served.stderr


def test_a_download_that_runs_out_of_time_is_committed_and_goes_on(container, server, hub, upstream):
    """Troubleshooting "Download Timeout": stopped before Modal kills, committed, and a rerun goes on there."""
    shard = "model-00001-of-00002.safetensors"
    hub.stall(f"{REPOS[2]}/{shard}", after=300_000)
    kept: tuple[str, ...] = ()
    for seconds in (15, 60, 240):  # however slow this machine is, one of them reaches the shard
        patient = container(DOWNLOAD_TIME_S=str(seconds), HF_DOWNLOAD_MAX_RETRIES="100")
        stopped = patient.run("download_models", DOWNLOAD.format("0.6B"))
        kept = server.names("commit")[-1]
        if f"{FOLDER}/{shard}.part" in kept:
            break
    hub.faults.clear()
    hub.forget()

    again = container("another").run("download_models", DOWNLOAD.format("0.6B"))

    assert stopped.returncode == 1
    assert "what arrived is committed: run the same command again" in stopped.stderr
    assert f"{FOLDER}/{shard}.part" in kept
    assert again.returncode == 0, again.stdout + again.stderr
    assert "certificate.json" in server.names("commit")[-1]
    starts = [one.range for one in hub.requests if one.file == shard and one.kind == "get" and one.repo == REPOS[2]]
    assert starts
    assert not [one for one in starts if one is None or one.startswith("bytes=0-")]


def test_a_container_that_is_taken_back_commits_what_arrived(container, server, hub, upstream):
    """Modal interrupts a container that it needs elsewhere."""
    shard = "model-00001-of-00002.safetensors"
    hub.stall(f"{REPOS[2]}/{shard}", after=300_000)
    writer = container(HF_DOWNLOAD_MAX_RETRIES="100")
    part = writer.mount / FOLDER / f"{shard}.part"
    process = writer.start("download_models", DOWNLOAD.format("0.6B"))
    until = time.monotonic() + 240
    while not part.exists() and time.monotonic() < until:
        time.sleep(0.05)

    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)

    assert process.returncode != 0
    assert f"{FOLDER}/{shard}.part" in server.names("commit")[-1]


def test_a_rate_limit_is_waited_for(container, hub):
    """Troubleshooting "HuggingFace Rate Limit": 429 with Retry-After, as the Hub sends it, costs a wait."""
    hub.status("*", 429, headers={"Retry-After": "1"}, times=2)

    done = container().run("download_models", DOWNLOAD.format("0.6B"))

    assert done.returncode == 0, done.stdout + done.stderr
    assert [one.status for one in hub.requests].count(429) == 2


def test_a_token_that_is_missing_is_told_with_the_secret(container, server, hub, upstream):
    """Troubleshooting "Permission Denied": the model is gated, and the secret holds no token."""
    hub.add_repo(REPOS[2], upstream, gated=True, token="hf_" + "a" * 34)

    refused = container().run("download_models", DOWNLOAD.format("0.6B"))
    taken = container("another", HF_TOKEN="hf_" + "a" * 34).run("download_models", DOWNLOAD.format("0.6B"))

    assert refused.returncode == 1
    assert "the secret huggingface-secret must hold HF_TOKEN" in refused.stderr
    assert server.names("commit")[0]
    assert taken.returncode == 0, taken.stdout + taken.stderr
    assert "hf_aaa" not in taken.stdout + taken.stderr


def test_a_place_that_cannot_be_written_is_told(container, server):
    """Troubleshooting "Permission Denied", the other one: a file lies where the folder of the model should."""
    writer = container()
    server.kept.joinpath(FOLDER).write_text("in the way")

    done = writer.run("download_models", DOWNLOAD.format("0.6B"))

    assert done.returncode == 1
    assert FOLDER in done.stdout + done.stderr
    assert "Traceback" not in done.stdout


def test_listing_and_clearing_the_volume(container, filled):
    """--list-only says sizes and whether the certificate is true; --clear deletes, and commits that."""
    listed = container("lister").run("download_models", "recipe.list_volume_contents.local()")
    cleared = container("cleaner").run("download_models", "recipe.clear_volume.local()")
    empty = container("last").run("download_models", "recipe.list_volume_contents.local()")

    assert f"MB  {FOLDER}/config.json" in listed.stdout
    assert "certificate.json: still true: 2 models" in listed.stdout
    assert cleared.returncode == 0, cleared.stderr
    assert filled.names("commit") == [()]
    assert "no certificate: nothing here is proved" in empty.stdout


@pytest.mark.parametrize(
    ("call", "answer", "told"),
    [
        pytest.param("clear=True", "no\n", "Cancelled", id="a no clears nothing"),
        pytest.param("clear=True", "\n", "Cancelled", id="so does nothing said"),
        pytest.param("model_size='2B'", "", "--model-size 2B: expected one of 1.7B, 0.6B, both", id="another size"),
    ],
)
def test_nothing_is_called_without_a_right_answer(container, server, call, answer, told):
    done = container().run("download_models", f"recipe.main.info.raw_f({call})", input=answer)

    assert told in done.stdout + done.stderr
    assert server.calls == []


def test_the_options_of_the_document_exist(container):
    """`modal run` makes them of the entrypoint's signature; asking for help calls no server."""
    call = [sys.executable, "-m", "modal", "run", str(RECIPES / "modal" / "download_models.py"), "--help"]
    done = subprocess.run(call, env=container().environment, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stderr
    for option in ("--model-size", "--list-only", "--clear"):
        assert option in done.stdout


def test_names_are_those_of_the_document():
    """Volume, secret and place: scripts and dashboards know them."""
    text = (RECIPES / "modal" / "download_models.py").read_text()

    assert all(f'"{name}"' in text for name in ("qwen3-tts-models", "huggingface-secret", "/vol/models"))
