"""
Why does mflux download 4 files at each start, though the model is in the cache? Not after `provision`.

The mirror serves commits of its own, so the commit that mflux is to ask for is put into the target here: a Target is
what stands for an mflux.
"""

from __future__ import annotations

import json
from dataclasses import replace

from modelready.consumers import Setting, mflux
from modelready.consumers.mflux import versions
from modelready.layouts import HubCache
from modelready.model import Source

REPO = "Tongyi-MAI/Z-Image-Turbo"
CATALOG = f"""
[[model]]
name = "z-image-turbo"
source = "hf:{REPO}"
include = ["vae/*", "transformer/*", "text_encoder/*", "tokenizer/*"]
consumers = ["mflux"]
"""


def setting(machine, commit):
    cache = HubCache(machine.cache, REPO)
    root = cache.snapshot(commit)
    files = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    return Setting(
        "z-image-turbo", Source(f"hf:{REPO}", "hf", REPO), root, True, machine.cache, machine.place, commit, files
    )


def test_what_provision_wrote_mflux_finds(machine, hub, upstream):
    """Every release finds weights and tokenizer with no request, the one that pins the commit included."""
    hub.add_repo(REPO, upstream)
    machine.catalog(CATALOG)
    machine.variables = {"MODELREADY_MFLUX": "0.18.1"}

    provisioned = machine.run("provision", "--certificate", "certificate.json")

    assert provisioned.returncode == 0, provisioned.stdout
    certificate = json.loads((machine.place / "certificate.json").read_text())
    assert "layouts.mflux_finds_it[z-image-turbo]" in certificate["predicate"]["passedTests"]
    commit = HubCache(machine.cache, REPO).revision_commit("main")
    here = setting(machine, commit)
    pinned = mflux.Target("0.24.0", {REPO: commit})
    assert mflux.faults(here, pinned) == ()
    offline = replace(here, environ={"HF_HUB_OFFLINE": "1"})
    assert [mflux.faults(offline, versions.of_version(one)) for one in ("0.13.3", "0.16.9", "0.17.0")] == [()] * 3

    machine.variables = {"MODELREADY_MFLUX": "0.24.0"}
    certified = machine.run("certify", "-k", "mflux")

    assert certified.returncode == 1
    assert " 1 failed, " in certified.stdout
    assert "mflux 0.24.0 opens only commit f332072aa78be7aecdf3ee76d5c247082da564a6" in certified.stdout


def test_a_catalog_that_forgets_the_tokenizer_fails(machine, hub, upstream):
    """It is what the weights of Z-Image are looked for without."""
    hub.add_repo(REPO, upstream)
    machine.catalog(CATALOG.replace(', "tokenizer/*"', ""))
    machine.variables = {"MODELREADY_MFLUX": "0.18.1"}

    provisioned = machine.run("provision")

    assert provisioned.returncode == 1
    assert "tokenizer/tokenizer.json" in provisioned.stdout
    assert "so it asks the network; the weights alone look complete to it" in provisioned.stdout
