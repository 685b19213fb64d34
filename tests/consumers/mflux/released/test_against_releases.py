"""
Our verdict beside that of released versions of mflux: we may be stricter, never laxer.

Run by `nox -s mflux`, which brings mflux 0.13.3, 0.16.9, 0.18.1 and 0.24.0.
"""

from __future__ import annotations

import importlib.metadata
import os
from dataclasses import dataclass

import pytest

from modelready.consumers import mflux
from modelready.consumers.mflux import asking, cached, resolution, uses, versions

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


@dataclass(frozen=True)
class Scene:
    """A case as it lies on disk."""

    place: object
    setting: object
    root: object
    uses: tuple

    @property
    def questions(self):
        looks = [one for use in self.uses for one in use.opens if one.kind in {"weights", "tokenizer"}]
        return [asking._question(one, self.setting) for one in looks]

    def asked(self):
        repo = self.setting.source.address
        return {"cache": str(self.place.cache), "cwd": str(self.place.cwd), "repo": repo, "questions": self.questions}


@pytest.fixture(scope="session")
def scenes(tmp_path_factory, new_place):
    """Give every case, made once: nobody changes it."""
    return {name: scene(one, new_place(tmp_path_factory.mktemp("case"))) for name, one in CASES.items()}


def scene(one, place):
    one.make(place)
    folder = next((place.root / "models").iterdir()) if one.is_folder else None
    commit = None if folder else one.commit
    whole = [f"{name}/x.safetensors" for name in ("vae", "transformer", "text_encoder")]
    setting = place.setting(one.repo, commit=commit, folder=folder, wanted=[*whole, "tokenizer/tokenizer.json"])
    known = uses.of_repository(one.repo)
    return Scene(place, setting, setting.root, tuple(use for use in known if len(use.model.others) == 1))


@pytest.fixture(scope="session")
def answers(scenes, ask):
    """Give what each release says of every case; asked once."""
    asked = [one.asked() for one in scenes.values()]
    return {version: dict(zip(scenes, ask(version, asked), strict=True)) for version in VERSIONS}


def objections(answer, scene):
    """Give why mflux is not content: an error, or another place than the model's."""
    told = list(zip(scene.questions, answer["told"], strict=True))
    errors = [one["fault"] for _, one in told if "fault" in one]
    elsewhere = [
        one["found"]
        for question, one in told
        if question["kind"] == "weights" and one.get("found") not in {None, str(scene.root.resolve())}
    ]
    return errors + elsewhere


def ours(scene, version):
    return [f"{one.path}: {one.message}" for one in mflux.faults(scene.setting, versions.of_version(version))]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", CASES)
def test_we_are_never_laxer(scenes, answers, name, version):
    """What mflux would not find, or not where it was judged, we object to."""
    theirs = objections(answers[version][name], scenes[name])

    found = ours(scenes[name], version)

    assert found or not theirs, theirs


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", CASES)
def test_what_is_good_passes_with_both(scenes, answers, name, version):
    """A verdict that is always no would never be laxer; and what we refuse is not good."""
    theirs = objections(answers[version][name], scenes[name])

    found = ours(scenes[name], version)

    assert bool(found) == (version not in CASES[name].good_for), found
    assert not theirs or version not in CASES[name].good_for


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", [name for name, one in CASES.items() if not one.is_folder])
def test_our_statement_of_its_own_rule_is_exact(scenes, answers, name, version):
    """Which snapshot mflux opens is decided by its laxer rule, which is restated here to know that snapshot."""
    one, target = scenes[name], versions.of_version(version)
    repository = cached.Repository(one.place.cache, one.setting.source.address, target, {})

    found = [picked(repository, look.patterns) for use in one.uses for look in use.weights]

    theirs = answers[version][name]["picked"]
    assert theirs == found or (theirs == "FileNotFoundError" and "dangling" in name)


def picked(repository, patterns):
    snapshots = repository.storage / "snapshots"
    try:
        if repository.pin:
            pinned = snapshots / repository.pin
            is_found = pinned.is_dir() and resolution.is_complete(pinned, patterns, repository.target)
            return repository.pin if is_found else None
        found = resolution.picked(snapshots, patterns, repository.target)
    except OSError as error:
        return type(error).__name__
    return found and found.name


@pytest.mark.parametrize("version", VERSIONS)
def test_an_installed_release_tells_its_own_pins(python, release, monkeypatch, version):
    """The data that ship with modelready are those of the releases themselves."""
    monkeypatch.setenv("PYTHONPATH", str(release(version)))

    said = asking.about(str(python))

    assert said.version == version
    assert dict(said.pins or {}) == dict(versions.of_version(version).pins)


@pytest.mark.parametrize("name", ["complete and linked", "a saved model in a folder"])
def test_an_installed_release_is_asked_as_well(python, release, monkeypatch, scenes, name):
    """Where mflux is at hand its own code has the last word, and here it agrees."""
    monkeypatch.setenv("PYTHONPATH", str(release("0.24.0")))
    target = mflux.Target("0.24.0", versions.newest().pins, str(python))

    assert mflux.faults(scenes[name].setting, target) == ()


def test_an_installed_release_that_disagrees_is_told(python, release, monkeypatch, new_place, tmp_path):
    """A tokenizer whose files are there and that does not load is more than names can tell."""
    monkeypatch.setenv("PYTHONPATH", str(release("0.24.0")))
    place = new_place(tmp_path)
    (place.fill("z-image-turbo") / "tokenizer" / "tokenizer.json").write_text("not a tokenizer")
    target = mflux.Target("0.24.0", versions.newest().pins, str(python))

    found = mflux.faults(place.setting(Z_IMAGE), target)

    assert [one.path for one in found] == ["tokenizer/*"]
    assert "mflux 0.24.0 itself does not find it here" in found[0].message


def test_this_environment_has_no_mflux_of_its_own():
    """It would be asked instead of the releases."""
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version("mflux")


def test_every_case_was_put_to_every_release(answers):
    """Nothing is skipped: a release that cannot be imported fails above, and a case is asked for all it opens."""
    told = [one for version in VERSIONS for answer in answers[version].values() for one in answer["told"]]

    assert told
    assert all(one for one in told)
