"""Each of the 52 models that mflux knows by name: whole it passes, and what it lacks is named."""

from __future__ import annotations

import shutil

import pytest

from modelready.consumers.mflux import models, weights

BUILT_INS = models.table().models


def groups(built_in):
    """Name every pattern, and every tokenizer's configuration, that the model needs in its own repository."""
    for opening in built_in.of(built_in.repo):
        if opening.kind == "weights":
            yield from weights.required(opening)
        elif opening.kind == "tokenizer":
            yield f"{opening.subdir}/tokenizer_config.json".removeprefix("/")


def test_all_are_known():
    """The data are those of mflux 0.24.0, whose AVAILABLE_MODELS has as many."""
    assert len(BUILT_INS) == 52
    assert len(models.table().pins) == 58
    assert {repo for one in BUILT_INS for repo in one.others} <= set(models.table().pins)


@pytest.mark.parametrize("built_in", BUILT_INS, ids=lambda one: one.name)
def test_a_complete_cache_passes(place, built_in):
    """What mflux opens suffices for us, too."""
    place.fill(built_in.name)
    for repo in built_in.others:
        place.list(repo)

    assert place.judged(built_in.repo) == []


@pytest.mark.parametrize("built_in", BUILT_INS, ids=lambda one: one.name)
def test_what_is_missing_is_named(place, built_in):
    """One group of files after the other is left out, while the catalog wants it."""
    root = place.fill(built_in.name)
    wanted = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
    patterns = dict.fromkeys(groups(built_in))

    found = {pattern: without(place, built_in, pattern, wanted) for pattern in patterns}

    unnamed = {pattern: paths for pattern, paths in found.items() if not named(pattern, paths)}
    assert patterns
    assert unnamed == {}


def without(place, built_in, pattern, wanted):
    """Give the paths that are told while what *pattern* means is not there: of configurations, all that are none."""
    root = place.snapshot(built_in.repo)
    is_config = pattern.endswith("*.json")
    gone = [path for path in root.glob(pattern) if not (is_config and path.name.endswith(".index.json"))]
    kept = {path: path.read_bytes() for path in gone}
    for path in gone:
        path.unlink()
    found = place.paths(built_in.repo, wanted=wanted)
    for path, content in kept.items():
        path.write_bytes(content)
    return found


def named(pattern, paths):
    return any(path.startswith(pattern.split("*")[0]) for path in paths)


@pytest.mark.parametrize("built_in", [one for one in BUILT_INS if len(one.others) > 1], ids=lambda one: one.name)
def test_other_repositories_are_told_where_nobody_brings_them(place, built_in):
    """A built-in model that opens several repositories fails without any of them, base models of others excepted."""
    root = place.fill(built_in.name)
    shutil.rmtree(root / "controlnet", ignore_errors=True)  # no such folder in the repository, mflux's source says
    others = [repo for repo in built_in.others if repo != built_in.repo]
    plain = [one for one in models.opening(built_in.repo) if one.repo == built_in.repo and len(one.others) == 1]
    for repo in others:
        shutil.rmtree(place.storage(repo))

    found = place.paths(built_in.repo)
    place.beside = frozenset(others)

    assert set(found) == (set() if plain else set(others))
    assert place.paths(built_in.repo) == []
