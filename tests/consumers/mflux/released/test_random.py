"""Caches that were damaged at random: mflux never finds less than we let pass, and picks what we say it picks."""

from __future__ import annotations

import os
import random
import shutil

import pytest

VERSIONS = ("0.13.3", "0.16.9", "0.18.1", "0.24.0")
REPOS = {
    "z-image-turbo": "Tongyi-MAI/Z-Image-Turbo",
    "krea-2": "krea/Krea-2-Turbo",
    "seedvr2-3b": "numz/SeedVR2_comfyUI",
    "flux2-klein-4b": "black-forest-labs/FLUX.2-klein-4B",
}
SEED = int(os.environ.get("MODELREADY_SEED", random.SystemRandom().randrange(2**32)))
COUNT = 48
OTHER = "0123456789abcdef0123456789abcdef01234567"


def emptied(path, _):
    path.write_bytes(b"")


def lost(path, _):
    path.unlink()


def doubled(path, _):
    path.rename(path.with_name(f"._{path.name}"))


def astray(path, _):
    path.unlink()
    path.symlink_to("nowhere")


def garbled(path, chance):
    path.write_bytes(chance.choice([b"[]", b"{", b'{"weight_map": {}}', b'{"weight_map": {"a": "b"}}', bytes(9)]))


def without_its_folder(path, _):
    shutil.rmtree(path.parent) if path.parent.name != path.parents[1].name else path.unlink()


DAMAGES = (emptied, lost, lost, doubled, astray, garbled, without_its_folder)


def damaged(place, name, chance):
    """Fill one or two snapshots, damage some files, and age one; give the name of what was done."""
    repo = REPOS[name]
    roots = [place.fill(name)]
    if chance.random() < 0.5:
        roots.append(place.fill(name, commit=OTHER))
        place.refer(repo)
    for _ in range(chance.randrange(4)):
        root = chance.choice(roots)
        files = [path for path in sorted(root.rglob("*")) if path.is_file() and "token" not in path.as_posix()]
        if files:
            chance.choice(DAMAGES)(chance.choice(files), chance)
    for place_in_time, root in enumerate(chance.sample(roots, len(roots))):
        root.mkdir(exist_ok=True)
        os.utime(root, (1_600_000_000 + place_in_time, 1_600_000_000 + place_in_time))


@pytest.fixture(scope="module")
def scenes(tmp_path_factory, new_place, scene):
    """Give the caches, made once."""
    chance = random.Random(SEED)  # tells the seed where a test fails
    found = []
    for _ in range(COUNT):
        place, name = new_place(tmp_path_factory.mktemp("damaged")), chance.choice(sorted(REPOS))
        place.tokenizer = None  # what weights need is damaged: tokenizers are not asked for here
        damaged(place, name, chance)
        looked = scene(place, REPOS[name])
        found.append(type(looked)(place, looked.setting, tuple(use for use in looked.uses if use.name == name)))
    return found


@pytest.fixture(scope="module")
def answers(scenes, ask_all):
    """Give what each release says of each cache, by its weights."""
    asked = [one.asked() for one in scenes]
    for one in asked:
        one["questions"] = [question for question in one["questions"] if question["kind"] == "weights"]
    return ask_all(asked)


@pytest.mark.parametrize("version", VERSIONS)
def test_random_damage_is_judged_as_strictly(scenes, answers, version):
    """No case that somebody thought of is needed to find where we would be laxer."""
    for one, answer in zip(scenes, answers[version], strict=True):
        about = f"MODELREADY_SEED={SEED}, {one.place.root}"
        told = [said.get("fault") or said["found"] for said in answer["told"]]
        is_content = all(said == str(one.setting.root.resolve()) for said in told)
        assert one.ours(version) or is_content, f"{about}: {told}"
        assert one.picked(version) == answer["picked"], about
