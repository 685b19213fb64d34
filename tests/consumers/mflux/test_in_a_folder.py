"""What mflux meets in a folder that it is given: no commit, no second look, no network."""

from __future__ import annotations

import shutil

import pytest

Z_IMAGE = "Tongyi-MAI/Z-Image-Turbo"


@pytest.fixture
def folder(place, tmp_path):
    """Give a folder with all that Z-Image-Turbo consists of."""
    return place.fill("z-image-turbo", into=tmp_path / "models" / "z")


@pytest.mark.parametrize("version", ["0.13.3", "0.16.9", "0.18.1", "0.24.0"])
def test_a_whole_folder_passes_for_every_release(place, folder, version):
    """A given path is opened as it is, and nobody is asked."""
    place.version, place.environ = version, {}

    assert place.judged(Z_IMAGE, folder=folder) == []


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        pytest.param("vae", "vae/*.safetensors", id="VAE"),
        pytest.param("text_encoder", "text_encoder/*.safetensors", id="text encoder"),
        pytest.param("tokenizer", "tokenizer/tokenizer.json", id="tokenizer"),
    ],
)
def test_a_folder_that_lacks_a_part_is_told(place, folder, gone, told):
    """Mflux opens it without looking, and fails halfway through loading."""
    shutil.rmtree(folder / gone)

    assert told in place.paths(Z_IMAGE, folder=folder)


def test_what_is_opened_elsewhere_is_looked_for_in_the_cache(place, tmp_path):
    """Iris has its text encoder in a repository of its own, whatever path it is given."""
    folder = place.fill("iris-3b-base", into=tmp_path / "models" / "iris")
    whole = place.judged("speridlabs/iris-3b", folder=folder)
    shutil.rmtree(place.cache)

    found = place.judged("speridlabs/iris-3b", folder=folder)

    assert whole == []
    assert found[0].startswith("Qwen/Qwen3-VL-4B-Instruct: iris-3b-base of mflux opens this repository as well")
    assert "hf:Qwen/Qwen3-VL-4B-Instruct@ebb281ec70b05090aa6165b016eac8ec08e71b17" in found[0]


def test_a_single_file_in_a_folder_passes(place, tmp_path):
    """A LoRA is given by its path."""
    folder = tmp_path / "loras"
    place.write_saved(folder, ".")

    assert place.judged("acme/watercolour", folder=folder) == []


def test_a_folder_without_weights_is_told(place, tmp_path):
    """A model of which only words arrived."""
    folder = tmp_path / "empty"
    folder.mkdir()

    assert place.paths("acme/watercolour", folder=folder, wanted=["README.md"]) == ["*.safetensors"]
