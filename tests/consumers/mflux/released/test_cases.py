"""
Our verdict beside that of released versions of mflux: we may be stricter, never laxer.

Run by `nox -s mflux`, which brings mflux 0.13.3, 0.16.9, 0.18.1 and 0.24.0.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest

VERSIONS = ("0.13.3", "0.16.9", "0.18.1", "0.24.0")
UNPINNED = VERSIONS[:3]
SHARD = "transformer/model-00002-of-00002.safetensors"
INDEX = "transformer/model.safetensors.index.json"
Z_IMAGE = "Tongyi-MAI/Z-Image-Turbo"
SAVED = "acme/Z-Image-Turbo-mflux-4bit"
OTHER = "0123456789abcdef0123456789abcdef01234567"


@dataclass(frozen=True)
class Case:
    """A cache or a folder, and the releases that find all they need in it, by facts found out by hand."""

    good_for: tuple[str, ...]
    make: object
    repo: str = Z_IMAGE
    commit: str | None = None
    is_folder: bool = False


CASES: dict[str, Case] = {}


def case(*good_for, **about):
    def keep(make):
        CASES[make.__name__.replace("_", " ")] = Case(good_for, make, **about)
        return make

    return keep


# ---- caches


@case(*VERSIONS)
def complete_at_the_pin(place):
    place.fill("z-image-turbo")


@case(*VERSIONS)
def complete_and_listed(place):
    place.fill("z-image-turbo")
    place.list(Z_IMAGE)


@case(*VERSIONS)
def complete_and_linked(place):
    place.fill("z-image-turbo")
    place.link(Z_IMAGE)


@case("0.24.0")
def complete_without_a_reference(place):
    place.fill("z-image-turbo")
    (place.storage(Z_IMAGE) / "refs" / "main").unlink()


@case(*UNPINNED, commit=OTHER)
def complete_at_another_commit(place):
    place.fill("z-image-turbo", commit=OTHER)


@case()
def a_shard_missing(place):
    (place.fill("z-image-turbo") / SHARD).unlink()


@case()
def a_shard_and_the_index_missing(place):
    root = place.fill("z-image-turbo")
    (root / SHARD).unlink()
    (root / INDEX).unlink()


@case()
def an_index_that_is_none(place):
    (place.fill("z-image-turbo") / INDEX).write_text("[]")


@case()
def an_index_that_names_a_path(place):
    (place.fill("z-image-turbo") / INDEX).write_text('{"weight_map": {"one": "../vae/config.json"}}')


@case()
def an_empty_shard(place):
    (place.fill("z-image-turbo") / SHARD).write_bytes(b"")


@case()
def only_what_macos_wrote(place):
    for path in (place.fill("z-image-turbo") / "vae").glob("*.safetensors"):
        path.rename(path.with_name(f"._{path.name}"))


@case()
def a_component_missing(place):
    for path in (place.fill("z-image-turbo") / "text_encoder").iterdir():
        path.unlink()


@case()
def a_link_that_leads_nowhere(place):
    root = place.fill("z-image-turbo")
    place.link(Z_IMAGE)
    (root / SHARD).resolve().unlink()


@case()
def configurations_missing(place):
    for path in place.fill("z-image-turbo").glob("*/config.json"):
        path.unlink()


@case()
def the_tokenizer_missing(place):
    for path in (place.fill("z-image-turbo") / "tokenizer").iterdir():
        path.unlink()


@case()
def the_tokenizers_configuration_missing(place):
    (place.fill("z-image-turbo") / "tokenizer" / "tokenizer_config.json").unlink()


@case()
def half_a_tokenizer(place):
    root = place.fill("z-image-turbo")
    for name in ("tokenizer.json", "merges.txt"):
        (root / "tokenizer" / name).unlink()


@case(*VERSIONS)
def a_tokenizer_in_one_file(place):
    root = place.fill("z-image-turbo")
    for name in ("vocab.json", "merges.txt"):
        (root / "tokenizer" / name).unlink()


@case(*VERSIONS)
def a_tokenizer_in_two_files(place):
    (place.fill("z-image-turbo") / "tokenizer" / "tokenizer.json").unlink()


@case()
def a_tokenizer_file_listed_and_missing(place):
    place.fill("z-image-turbo")
    place.list(Z_IMAGE, "tokenizer/special_tokens_map.json")


@case("0.24.0")
def a_newline_in_the_reference(place):
    place.fill("z-image-turbo")
    place.refer(Z_IMAGE, end="\n")


@case("0.24.0")
def a_reference_to_another_commit(place):
    place.fill("z-image-turbo")
    place.fill("z-image-turbo", commit=OTHER)
    age(place.snapshot(Z_IMAGE, OTHER))


@case("0.24.0")
def two_snapshots_the_other_newer(place):
    place.fill("z-image-turbo", commit=OTHER)
    place.fill("z-image-turbo")
    age(place.snapshot(Z_IMAGE))


@case(*VERSIONS)
def two_snapshots_the_other_older(place):
    place.fill("z-image-turbo", commit=OTHER)
    place.fill("z-image-turbo")
    age(place.snapshot(Z_IMAGE, OTHER))


@case(*VERSIONS)
def a_newer_snapshot_with_a_tokenizer_alone(place):
    root = place.fill("z-image-turbo")
    place.tokenizer(place.snapshot(Z_IMAGE, OTHER) / "tokenizer")
    age(root)


@case()
def a_dangling_link_among_the_snapshots(place):
    place.fill("z-image-turbo")
    (place.storage(Z_IMAGE) / "snapshots" / OTHER).symlink_to("nowhere")


@case()
def a_folder_of_that_name_where_mflux_starts(place):
    place.fill("z-image-turbo")
    (place.cwd / Z_IMAGE).mkdir(parents=True)


@case("0.24.0", repo="Qwen/Qwen-Image-2512")
def another_class_of_tokenizer(place):
    place.fill("qwen-image")


@case(*VERSIONS, repo="briaai/FIBO")
def a_tokenizer_where_it_should_be(place):
    place.fill("fibo")


@case("0.18.1", "0.24.0", repo="briaai/FIBO")
def a_tokenizer_in_another_folder(place):
    root = place.fill("fibo")
    for path in (root / "tokenizer").iterdir():
        path.rename(root / "text_encoder" / path.name)


# ---- saved by mflux, in the cache and in a folder


@case(*VERSIONS, repo=SAVED)
def a_saved_model_in_the_cache(place):
    save(place, place.snapshot(SAVED))
    place.refer(SAVED)


@case(repo=SAVED)
def a_saved_model_that_lacks_a_shard(place):
    save(place, place.snapshot(SAVED))
    place.refer(SAVED)
    (place.snapshot(SAVED) / "transformer" / "1.safetensors").unlink()


@case(*VERSIONS, repo=SAVED, is_folder=True)
def a_saved_model_in_a_folder(place):
    save(place, place.root / "models" / "saved")


@case(repo=SAVED, is_folder=True)
def a_saved_model_in_a_folder_without_an_index(place):
    save(place, place.root / "models" / "saved")
    (place.root / "models" / "saved" / "transformer" / "model.safetensors.index.json").unlink()


@case(*VERSIONS, is_folder=True)
def an_original_in_a_folder(place):
    place.fill("z-image-turbo", into=place.root / "models" / "original")


@case(is_folder=True)
def an_original_in_a_folder_without_a_tokenizer(place):
    folder = place.fill("z-image-turbo", into=place.root / "models" / "original")
    for path in (folder / "tokenizer").iterdir():
        path.unlink()


def save(place, root):
    for name in ("vae", "transformer", "text_encoder"):
        place.write_saved(root, name)
    place.tokenizer(root / "tokenizer")


def age(folder):
    os.utime(folder, (1_600_000_000, 1_600_000_000))


# ---- both verdicts


@pytest.fixture(scope="session")
def scenes(tmp_path_factory, new_place, scene):
    """Give every case, made once: nobody changes it."""
    found = {}
    for name, one in CASES.items():
        place = new_place(tmp_path_factory.mktemp("case"))
        one.make(place)
        folder = next((place.root / "models").iterdir()) if one.is_folder else None
        found[name] = scene(place, one.repo, commit=one.commit, folder=folder)
    return found


@pytest.fixture(scope="session")
def answers(scenes, ask_all):
    """Give what each release says of every case; asked once."""
    answers = ask_all([one.asked() for one in scenes.values()])
    return {version: dict(zip(scenes, found, strict=True)) for version, found in answers.items()}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", CASES)
def test_we_are_never_laxer(scenes, answers, name, version):
    """What mflux would not find, or not where it was judged, we object to."""
    theirs = scenes[name].objections(answers[version][name])

    found = scenes[name].ours(version)

    assert found or not theirs, theirs


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", CASES)
def test_what_is_good_passes_with_both(scenes, answers, name, version):
    """A verdict that is always no would never be laxer."""
    theirs = scenes[name].objections(answers[version][name])

    found = scenes[name].ours(version)

    is_good = version in CASES[name].good_for
    assert bool(found) != is_good, found
    assert not (is_good and theirs)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", [name for name, one in CASES.items() if not one.is_folder])
def test_our_statement_of_its_own_rule_is_exact(scenes, answers, name, version):
    """Which snapshot mflux opens is decided by its laxer rule, which is restated here to know that snapshot."""
    assert scenes[name].picked(version) == answers[version][name]["picked"]


def test_every_case_was_put_to_every_release(answers):
    """Nothing is passed over: an mflux that cannot be imported would answer nothing."""
    told = [one for version in VERSIONS for answer in answers[version].values() for one in answer["told"]]

    assert told
    assert all(told)
