"""Access tokens among the models: found where they are left lying, never shown, and nothing public is accused."""

import os
import string
from dataclasses import replace

import pytest

from modelready.inspection import tokens
from modelready.model import Digest

TOKEN = "hf_" + string.ascii_letters[3:37]


def told(*models, others=(), **options):
    return {one.path.rpartition("/")[2]: one.message for one in tokens.kept(models, others, **options).faults}


@pytest.mark.parametrize(
    "path",
    [
        "download.sh",
        ".env",
        "logs/download.log",
        ".git/config",
        ".netrc",
        "notes/try.ipynb",
        "token",
        "stored_tokens",
        ".cache/huggingface/token",
        ".git-credentials",
        ".modelready/tiny.json",
        "config.json",
    ],
)
def test_a_token_that_was_left_in_a_folder_is_told(write, model_in, path):
    """It would go wherever the volume or the image goes."""
    write("model.safetensors", TOKEN)
    write(path, f"one\nHF_TOKEN={TOKEN}\n")

    found = told(model_in())

    assert found == {path.rpartition("/")[2]: "holds what looks like a Hugging Face token on line 2 (hf_d…)"}


def test_what_the_source_published_is_not_read(write, model_in):
    """Its digest says that it is the source's own; others' mistakes are not this machine's."""
    write("README.md", TOKEN)
    model = model_in(rules={"README.md": {"digests": (Digest("sha256", "0" * 64),)}})

    assert told(model) == {}
    assert list(told(model_in())) == ["README.md"]


def test_no_message_shows_a_token(write, model_in):
    """The report is read by more people than the token is for."""
    write("many.log", "\n".join(f"{TOKEN}{nth}" for nth in range(20)))

    faults = tokens.kept([model_in()]).faults

    assert len(faults) == 5
    assert not any(TOKEN[:8] in f"{one}" for one in faults)


def test_the_repository_in_a_cache_is_searched_and_its_neighbours_are_not(tiny):
    """Other models are other people's; the top of the cache is where HF_HOME set to it puts its token."""
    tiny.write("download.log", TOKEN)
    tiny.write("blobs/" + "9" * 40, TOKEN)
    (tiny.cache / "models--other--x").mkdir()
    (tiny.cache / "models--other--x" / "a.log").write_text(TOKEN)
    (tiny.cache / "token").write_text(TOKEN)
    models = [tiny.model()]

    assert list(told(*models)) == ["download.log"]
    assert list(told(*models, others=tokens.tops(models))) == ["download.log", "token"]


def test_models_in_one_folder_are_searched_once(write, model_in):
    """ComfyUI keeps all of them under one roof."""
    place = write("vae/notes.txt", TOKEN)

    looked = tokens.kept([model_in(), replace(model_in(), root=place.parent), model_in()])

    assert len(looked.faults) == 1


def test_of_a_long_file_start_and_end_are_read(write, model_in):
    """A log of gigabytes costs no more than a megabyte."""
    filling = b"word " * (tokens.MOST_BYTES // 2)
    write("start.log", TOKEN.encode() + filling)
    write("end.log", filling + TOKEN.encode())
    write("middle.log", filling + b" " + TOKEN.encode() + b" " + filling)

    found = told(model_in())

    assert list(found) == ["end.log", "start.log"]
    assert "on line" not in found["end.log"]


def test_a_log_of_windows_is_read(write, model_in):
    """PowerShell writes two bytes a letter."""
    write("download.log", f"HF_TOKEN={TOKEN}".encode("utf-16"))

    assert list(told(model_in())) == ["download.log"]


def test_what_is_no_text_or_no_file_is_passed_over(write, model_in, tmp_path):
    """And nobody waits at a pipe."""
    write("cache.dat", b"\0\1" + TOKEN.encode())
    os.mkfifo(tmp_path / "pipe")
    write("../elsewhere/secret", TOKEN)
    (tmp_path / "link").symlink_to(tmp_path.parent / "elsewhere" / "secret")

    assert told(model_in()) == {}


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_cannot_be_read_is_a_doubt_as_a_user(write, model_in):
    """A check that cannot look does not say that all is well."""
    write("token", TOKEN).chmod(0)

    (doubt,) = tokens.kept([model_in()]).doubts

    assert "nobody knows whether a token is in it" in doubt.message


def test_what_cannot_be_read_is_a_doubt(write, model_in, monkeypatch):
    """The same for root, whom only the disk refuses."""
    place = write("token", TOKEN)
    opened = os.open

    def refused(path, *rest, **more):
        if path == place:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *rest, **more)

    monkeypatch.setattr(os, "open", refused)

    (doubt,) = tokens.kept([model_in()]).doubts

    assert "cannot be read: Permission denied" in doubt.message


def test_more_files_than_are_searched_are_a_doubt(write, model_in):
    """A model folder that is a whole disk."""
    for nth in range(5):
        write(f"{nth}.txt", "")

    looked = tokens.kept([model_in()], most_files=3)

    assert [one.message for one in looked.doubts] == ["holds more files than are searched: 3 were, the rest was not"]


def test_a_certificate_that_holds_a_token_is_told(write, model_in, tmp_path):
    """It was written by an older version, or by hand."""
    (tmp_path / "empty").mkdir()
    certificate = write("certificate.json", f'{{"source": "https://x/?token={"0123456789abcdef" * 2}"}}')

    found = told(model_in(tmp_path / "empty"), others=[certificate, tmp_path / "not there"])

    assert list(found) == ["certificate.json"]
