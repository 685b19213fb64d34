"""What `modelready provision` wrote is found by every release, with no network."""

from __future__ import annotations

import pytest

from modelready.layouts import HubCache

REPO = "Tongyi-MAI/Z-Image-Turbo"


@pytest.fixture
def provisioned(machine, hub, upstream):
    """Give a machine on which Z-Image-Turbo was brought."""
    hub.add_repo(REPO, upstream)
    machine.catalog(f'[[model]]\nname = "z"\nsource = "hf:{REPO}"\nconsumers = ["mflux"]\n')
    machine.variables = {"MODELREADY_MFLUX": "0.18.1"}
    ended = machine.run("provision")
    assert ended.returncode == 0, ended.stdout
    return machine


def test_every_release_finds_what_was_provisioned(provisioned, ask_all, scene, place):
    """References, listing and links are huggingface_hub's own form, at whatever commit each release asks for."""
    commit = HubCache(provisioned.cache, REPO).revision_commit("main")
    place.cache.symlink_to(provisioned.cache)
    one = scene(place, REPO, commit=commit)

    answers = ask_all([one.asked({REPO: commit})])

    objections = {version: one.objections(answer) for version, (answer,) in answers.items()}
    assert [version for version in objections if objections[version]] == [], objections
    assert len(objections) == 4
