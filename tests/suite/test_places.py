"""Models in folders, the lock, and what the looking commands say."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest

FOLDER = """
[[model]]
name = "tiny"
source = "hf:acme/tiny"
layout = "folder"
folder = "${MODELS_DIR}/comfy"
include = ["config.json", "words.json"]

[[model.file]]
path = "config.json"
save_as = "configs/first.json"
"""


@pytest.fixture
def foldered(tiny_machine):
    """Give a machine whose catalog puts the model into a folder."""
    tiny_machine.catalog(FOLDER)
    return tiny_machine


def test_a_folder_holds_the_files_under_the_names_asked_for(foldered, judged):
    """save_as names a place; a receipt lies beside the files; certify believes it offline."""
    outcome, again = judged(foldered, "provision"), judged(foldered)

    root = foldered.place / "models" / "comfy"
    assert (outcome.status, again.status) == (0, 0), outcome.text + again.text
    assert (root / "configs" / "first.json").is_file()
    assert (root / "words.json").is_file()
    assert json.loads((root / ".modelready" / "tiny.json").read_text())["source"] == "hf:acme/tiny"


def test_the_old_good_file_stays_until_the_new_one_is_proved(foldered, hub, tiny, judged):
    """A failed update loses nothing."""
    judged(foldered, "provision")
    place = foldered.place / "models" / "comfy" / "words.json"
    good = place.read_bytes()
    (tiny / "words.json").write_bytes(good + b"\n")
    hub.add_repo("acme/tiny", tiny)
    foldered.catalog(FOLDER.replace("hf:acme/tiny", "hf:acme/tiny@main"))
    hub.flip_byte("*words.json")

    failed = judged(foldered, "provision")

    assert failed.status == 1, failed.text
    assert place.read_bytes() == good


def test_a_folder_filled_by_hand_is_certified_by_what_the_catalog_names(machine, judged):
    """No provision, no lock, no network: sizes and digests of the catalog are enough."""
    content = b"weights carried by hand" * 100
    folder = machine.place / "models" / "hand"
    folder.mkdir(parents=True)
    (folder / "x.bin").write_bytes(content)
    machine.catalog(
        '[[model]]\nname = "hand"\nsource = "hf:acme/hand"\nlayout = "folder"\ninclude = ["x.bin"]\n'
        f'[[model.file]]\npath = "x.bin"\nsize = {len(content)}\nsha256 = "{hashlib.sha256(content).hexdigest()}"\n'
    )

    good = judged(machine)
    (folder / "x.bin").write_bytes(content[:-1] + b"!")
    bad = judged(machine)

    assert good.status == 0, good.text
    assert bad.failed == ["files.have_the_right_bytes[hand]"], bad.text


def test_a_folder_filled_by_hand_is_held_against_the_patterns(machine, judged):
    """What matches is judged; a pattern that nothing matches is a file that is not there."""
    folder = machine.place / "models" / "hand"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    catalog = '[[model]]\nname = "hand"\nsource = "hf:acme/hand"\nlayout = "folder"\ninclude = [{}]\n'
    machine.catalog(catalog.format('"*.json"'))
    whole = judged(machine)
    machine.catalog(catalog.format('"*.json", "*.gguf"'))

    lacking = judged(machine)

    assert whole.status == 0, whole.text
    assert [one["name"] for one in whole.certificate["subject"]] == ["hand/config.json"]
    assert lacking.failed == ["files.are_there[hand]"], lacking.text
    assert "*.gguf" in lacking.text


def test_without_a_digest_from_anywhere_there_is_a_warning(machine, judged):
    """A file that nothing can be held against passes with a warning, and fails under --strict."""
    folder = machine.place / "models" / "hand"
    folder.mkdir(parents=True)
    (folder / "x.bin").write_bytes(b"who knows" * 100)
    machine.catalog(
        '[[model]]\nname = "hand"\nsource = "hf:acme/hand"\nlayout = "folder"\ninclude = ["x.bin"]\n'
        '[[model.file]]\npath = "x.bin"\nmin_size = "100 B"\n'
    )

    lenient, strict = judged(machine), judged(machine, "certify", "--strict")

    assert lenient.status == 0, lenient.text
    assert lenient.predicate["warnedTests"] == ["files.have_the_right_bytes[hand]"]
    assert strict.failed == ["files.have_the_right_bytes[hand]"]


def test_a_lock_names_every_file_and_tells_drift(tiny_machine, hub, tiny, judged):
    """`lock` writes, `lock --check` compares, and neither touches a model."""
    written = tiny_machine.run("lock")
    same = tiny_machine.run("lock", "--check")
    (tiny / "config.json").write_text("{}")
    hub.add_repo("acme/tiny", tiny)
    moved = tiny_machine.run("lock", "--check")

    path = tiny_machine.place / "catalogs" / "models.lock.json"
    locked = json.loads(path.read_text())
    assert written.returncode == 0, written.stderr
    assert "model.safetensors.index.json" in json.dumps(locked)
    assert (same.returncode, moved.returncode) == (0, 1), same.stdout + moved.stdout
    assert "config.json" in moved.stdout
    assert not tiny_machine.cache.exists()


def test_a_locked_model_is_brought_at_its_locked_revision(tiny_machine, hub, tiny, judged):
    """Upstream may move: what the lock says is what is brought, until it is updated."""
    tiny_machine.run("lock")
    old = (tiny / "config.json").read_text()
    newer = shutil.copytree(tiny, tiny.with_name("newer"))
    (newer / "config.json").write_text(
        json.dumps({"model_type": "bert", "architectures": ["BertModel"], "hidden_size": 32})
    )
    hub.add_repo("acme/tiny", newer)

    outcome = judged(tiny_machine, "provision")
    assert outcome.status == 0, outcome.text
    config = next(tiny_machine.cache.glob("models--acme--tiny/snapshots/*/config.json"))
    kept = config.read_text()
    updated = tiny_machine.run("lock", "--update", "tiny")
    moved = judged(tiny_machine, "provision")

    assert outcome.status == 0, outcome.text
    assert kept == old
    assert updated.returncode == 0, updated.stderr
    assert moved.status == 0, moved.text
    assert moved.model("tiny")["revision"] != outcome.model("tiny")["revision"]
    assert {"lock"} == {one["annotations"]["expected_from"] for one in moved.certificate["subject"]}


def test_status_plan_and_path_tell_scripts_what_they_need(tiny_machine, judged):
    """Before: missing, with what would be fetched; after: complete, with nothing to fetch."""
    before = json.loads(tiny_machine.run("status", "--json").stdout)["models"][0]
    planned = json.loads(tiny_machine.run("plan", "--json").stdout)["models"][0]
    nowhere = tiny_machine.run("path", "tiny")
    untouched = not tiny_machine.cache.exists()
    judged(tiny_machine, "provision")
    after = json.loads(tiny_machine.run("status", "--json").stdout)["models"][0]
    nothing = json.loads(tiny_machine.run("plan", "--json").stdout)["models"][0]
    path = tiny_machine.run("path", "tiny")

    assert (before["state"], before["required"], nowhere.returncode, untouched) == ("missing", True, 1, True)
    assert len(planned["fetch"]) == 6
    assert planned["bytes"] == sum(one["size"] for one in planned["fetch"])
    assert (after["state"], after["files_present"], after["bytes_present"]) == ("complete", 6, planned["bytes"])
    assert nothing["fetch"] == []
    assert path.stdout.strip().endswith(f"snapshots/{after['revision']}")


def test_damage_that_was_seen_shows_in_status(tiny_machine, judged):
    """A file whose size is wrong makes the model damaged, without reading a byte."""
    judged(tiny_machine, "provision")
    next(tiny_machine.cache.glob("models--acme--tiny/snapshots/*/config.json")).resolve().write_bytes(b"{")

    found = json.loads(tiny_machine.run("status", "--json").stdout)["models"][0]

    assert (found["state"], found["damaged"]) == ("damaged", ["config.json"])


@pytest.mark.parametrize("command", ["status", "plan", "explain", "lock"])
def test_commands_speak_to_people_too(tiny_machine, command):
    """Without --json there are lines, and no traceback."""
    done = tiny_machine.run(command)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        pytest.param(["path", "tinny"], "tiny", id="path of an unknown model"),
        pytest.param(["explain", "files.are_here"], "files.are_there", id="explain an unknown check"),
        pytest.param(["provisoin"], "provision", id="unknown command"),
        pytest.param(["lock", "--update", "tinny"], "tiny", id="update an unknown model"),
        pytest.param(["mirror", "nowhere"], "nowhere", id="mirror of nothing"),
    ],
)
def test_a_mistyped_word_gets_the_nearest_known_one(tiny_machine, arguments, text):
    """One line, exit 4, and the word that was meant."""
    done = tiny_machine.run(*arguments)

    assert done.returncode == 4, done.stdout + done.stderr
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def test_explain_tells_promise_and_remedy(machine):
    """What a check means, from the check itself."""
    done = machine.run("explain", "weights.are_whole[tiny]")

    assert done.returncode == 0
    assert "Mend:" in done.stdout
