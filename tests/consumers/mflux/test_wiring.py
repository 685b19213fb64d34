"""From a placed model to faults with something to do; and that released mflux is asked by everyone who has to."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelready.inspection import applicability, applications
from modelready.model import Model, PlacedFile, PlacedModel, Source

ROOT = Path(__file__).parents[3]
Z_IMAGE = "Tongyi-MAI/Z-Image-Turbo"


def placed(root, repo=Z_IMAGE, **about):
    """Give a placed model of what lies in *root*."""
    paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    files = tuple(PlacedFile(path, root / path) for path in paths)
    model = Model("z", Source(f"hf:{repo}", "hf", repo), "hub-cache", consumers=("mflux",), **about)
    return PlacedModel(model, root, root.name, files, "trees")


@pytest.fixture
def here(place):
    """Give where applications run."""
    return applications.Here(place.cache, place.cwd, {"HF_HUB_OFFLINE": "1"})


def test_a_whole_model_has_no_fault(z_image, here):
    """The healthy twin."""
    assert applications.unopened("mflux", applications.setting(placed(z_image), here)) == ()


def test_every_fault_has_something_to_do(z_image, here):
    """Where mflux's own rule names nothing better, it is to be brought."""
    model = placed(z_image)
    (z_image / "tokenizer" / "tokenizer_config.json").write_bytes(b"")

    (found,) = applications.unopened("mflux", applications.setting(model, here))

    assert found.path == "tokenizer/tokenizer_config.json"
    assert found.remedy == "run `modelready provision`; where the catalog leaves it out, widen its `include`"


def test_absent_and_refused_files_were_told(z_image, here):
    """One fault, one check."""
    model = placed(z_image)
    (z_image / "vae" / "model-00001-of-00002.safetensors").unlink()
    (z_image / "transformer" / "model-00001-of-00002.safetensors").write_bytes(b"")

    found = applications.unopened(
        "mflux", applications.setting(model, here, ["transformer/model-00001-of-00002.safetensors"])
    )

    assert found == ()


def test_what_another_model_brings_is_not_missed(place, tmp_path):
    """Redux needs the base; its own catalog entry is judged on its own."""
    root = place.fill("dev-redux")
    base = "black-forest-labs/FLUX.1-dev"
    place.storage(base).rename(tmp_path / "gone")
    brought = Model("base", Source(f"hf:{base}", "hf", base), "hub-cache")
    alone = applications.Here(place.cache, place.cwd, {})
    model = placed(root, "black-forest-labs/FLUX.1-Redux-dev")

    found = applications.unopened("mflux", applications.setting(model, alone))
    beside = applications.unopened(
        "mflux", applications.setting(model, applications.Here(place.cache, place.cwd, {}, (brought,)))
    )

    assert [one.path for one in found] == [base]
    assert beside == ()


@pytest.mark.parametrize(("consumers", "applies"), [(("mflux",), True), (("diffusers",), False), ((), False)])
def test_the_check_is_for_who_names_mflux(z_image, consumers, applies):
    """Nobody else is to be told of its rules."""
    model = placed(z_image)
    model = PlacedModel(Model("z", model.model.source, "hub-cache", consumers=consumers), z_image, z_image.name)

    assert applicability.applies(model, ["mflux_faults"], lambda name: model) is applies
    assert applicability.is_about_the_whole(["mflux_faults"])


def test_everything_that_a_change_has_to_pass_asks_released_mflux():
    """Those tests lie in a folder that `pytest tests` passes over, so somebody else must run them."""
    if not (ROOT / ".ci").exists():
        pytest.skip("no checkout")

    assert "nox -s mflux" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "nox -s mflux" in (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
