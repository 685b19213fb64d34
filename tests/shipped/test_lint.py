"""What can be told of the shipped catalogs by reading them: places, pins, comments."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import pytest

from modelready import clashes
from modelready.model import HEX_LENGTHS

PIN = re.compile(rf"@[0-9a-f]{{{HEX_LENGTHS['git_sha1']}}}\"$")
SOURCE = re.compile(r'^source = "(?P<kind>\w+):')


def test_no_two_models_fight_for_one_place(shipped):
    """Whatever is turned on together: one place, one content."""
    claimed = [claim for model in shipped.models for claim in clashes.claims(model)]

    shared = defaultdict(set)
    for claim in claimed:
        shared[claim.place].add((claim.size, claim.digests) if claim.digests else (claim.source, claim.path))

    assert list(clashes.find(claimed)) == []
    assert {place for place, contents in shared.items() if len(contents) > 1} == set()
    assert Counter(claim.place.name for claim in claimed)["ae.safetensors"] > 1  # so there was something to look at


def test_a_folder_of_whole_repositories_is_nobody_elses(shipped):
    """Where a pattern takes what no figure names, a second model could write there as well."""
    open_ended = [one for one in shipped.models if one.layout == "folder" and (not one.include or _is_wild(one))]
    folders = Counter(one.folder for one in shipped.models if one.layout == "folder")

    assert [one.name for one in open_ended if folders[one.folder] > 1] == []
    assert open_ended


def _is_wild(model):
    return any("*" in pattern for pattern in model.include)


def test_every_source_is_pinned_or_says_why_not(texts):
    """A branch moves; who reads the catalog sees which can, and why."""
    for name, text in texts.items():
        lines = text.splitlines()
        for number, line in enumerate(lines):
            if not (found := SOURCE.match(line)) or found["kind"] == "civitai":  # a version's number never moves
                continue
            is_excused = re.fullmatch(r"# unpinned: .{10,}", lines[number - 1]) is not None

            assert is_excused != bool(PIN.search(line)), f"{name}:{number + 1}: {line}"


def test_weights_that_are_not_pinned_are_held_by_something(shipped):
    """By a digest, or by the least that they can have."""
    loose = [one for one in shipped.models if one.source.kind == "hf" and not one.source.is_pinned]
    unheld = [one.name for one in loose if not any(rule.digests or rule.size or rule.min_size for rule in one.files)]

    assert loose
    assert set(unheld) == {
        *("qwen2.5-1.5b-tokenizer", "storymem", "flashportrait", "infcam", "unidepth-v2-vitl14"),
    }


def test_every_repository_that_asks_for_a_licence_is_known_to(shipped):
    """Such a model is told before the first byte travels, where there is no token."""
    gated = {one.name for one in shipped.models if one.gated}

    assert gated == {"flux1-dev", "flux1-schnell", "flux1-dev-diffusers", "llama-3.2-1b"}


@pytest.mark.parametrize(
    "word",
    [
        "`mflux/z-image-turbo`",  # document 1's repository
        "which are not there",  # document 5's script asks Z-Image's own repository for ComfyUI's files
        "document 3 says 20 GB",
        "ComfyUI-GGUF does not look",  # qwen/, steadydancer/
        "Document 4 says 6 to 7 GB",
        "the folder met 404",  # JTP_PILOT2/
        "9.5 GB, 335 MB and 1.4 GB",
        "wan-vae-t5-pth, document 5 leaves out",
        "which is not there: that repository",  # SteadyDancer
        "as Wan21_SteadyDancer_fp8.safetensors",
        "fetches its code only",  # MVInverse
        "Smaller than 1 MB",
    ],
)
def test_what_a_document_got_wrong_is_told_where_it_is_right(texts, word):
    """One line of comment in the catalog, so that nobody puts the mistake back."""
    assert [name for name, text in texts.items() if word in re.sub(r"\n# ", " ", text)] != []


@pytest.mark.parametrize("name", ["z-image", "qwen-image-edit", "qwen-tts", "wan", "flux"])
def test_lines_are_as_long_as_elsewhere(texts, name):
    """They are read beside the code."""
    assert max(map(len, texts[f"{name}.toml"].splitlines())) <= 120
