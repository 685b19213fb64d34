"""What mflux meets in the Hub cache: the commit it asks for, the look at tokenizers, and when it asks the network."""

from __future__ import annotations

import json
import os

import pytest

Z_IMAGE = "Tongyi-MAI/Z-Image-Turbo"
PIN = "f332072aa78be7aecdf3ee76d5c247082da564a6"
OTHER = "0123456789abcdef0123456789abcdef01234567"
SHARD = "transformer/model-00002-of-00002.safetensors"
INDEX = "transformer/model.safetensors.index.json"


def emptied(path):
    path.write_bytes(b"")


def doubled(path):
    path.rename(path.with_name(f"._{path.name}"))


def astray(path):
    path.unlink()
    path.symlink_to("nowhere")


@pytest.mark.parametrize(
    ("damage", "path", "told"),
    [
        pytest.param(emptied, SHARD, "is empty: mflux counts it by its name", id="empty shard"),
        pytest.param(os.unlink, SHARD, "is not there, though model.safetensors.index.json names it", id="lost shard"),
        pytest.param(astray, SHARD, "its link leads nowhere", id="dangling link"),
        pytest.param(doubled, SHARD, "is not there, though", id="AppleDouble"),
        pytest.param(emptied, INDEX, "is no index of shards", id="empty index"),
        pytest.param(emptied, "tokenizer/tokenizer_config.json", "is empty", id="empty configuration"),
        pytest.param(os.unlink, "tokenizer/tokenizer_config.json", "apply the chat template", id="no configuration"),
    ],
)
def test_each_damage_is_told_with_its_file(place, z_image, damage, path, told):
    """PathResolution is content with some of these, and the loader is not."""
    place.told = frozenset()
    wanted = sorted(one.relative_to(z_image).as_posix() for one in z_image.rglob("*") if one.is_file())
    (place.storage(Z_IMAGE) / "trees" / f"{PIN}.json").unlink()
    damage(z_image / path)

    found = place.judged(Z_IMAGE, wanted=wanted)

    assert len(found) == 1, found
    assert found[0].startswith(f"{path}: ")
    assert told in found[0]


def test_shards_count_one_another_where_the_index_is_missing_too(place, z_image):
    """An interrupted download looks complete to mflux, which then renders noise from what is there."""
    (z_image / SHARD).unlink()
    (z_image / INDEX).unlink()

    found = place.judged(Z_IMAGE)

    assert len(found) == 1
    assert found[0].startswith(f"{SHARD}: is not there, though the names of the other shards count it")


def test_what_an_earlier_check_told_is_not_told_again(place, z_image):
    """A lost shard is the matter of files.are_there; a lost folder of whatever lay in it."""
    (z_image / SHARD).unlink()
    for path in (z_image / "vae").iterdir():
        path.unlink()
    lost = [f"vae/{name}" for name in ("config.json", "model-00001-of-00002.safetensors")]

    place.told = frozenset({SHARD, *lost})

    assert place.judged(Z_IMAGE, wanted=[SHARD, *lost, "tokenizer/tokenizer.json"]) == []


# ---- the commit


def test_another_commit_than_the_pinned_one_is_told(place):
    """From 0.23 on mflux asks for a commit of its own, and a whole snapshot of another is nothing to it."""
    place.fill("z-image-turbo", commit=OTHER)

    (found,) = place.judged(Z_IMAGE, commit=OTHER)

    assert found.startswith(f"snapshots/{PIN}: mflux 0.24.0 opens only commit {PIN} of {Z_IMAGE}")
    assert found.endswith(f"write the source as hf:{Z_IMAGE}@{PIN}")


@pytest.mark.parametrize("version", ["0.13.3", "0.16.9", "0.18.1", "0.22.0"])
def test_before_0_23_any_commit_will_do(place, version):
    """It is `refs/main` that says which."""
    place.fill("z-image-turbo", commit=OTHER)
    place.version = version

    assert place.judged(Z_IMAGE, commit=OTHER) == []


def test_a_model_that_0_23_knows_but_does_not_pin_yet(place):
    """Thirteen repositories were pinned by 0.24 only."""
    place.fill("anima-base", commit=OTHER)

    assert place.paths("circlestone-labs/Anima", commit=OTHER) == ["snapshots/f973fc41ec7545364ac9776c2440285f43ff2a30"]


@pytest.mark.parametrize(("end", "told"), [(None, "is not there"), ("\n", "holds")])
def test_tokenizers_are_looked_for_where_the_reference_leads(place, end, told):
    """Huggingface_hub takes a newline for part of the commit."""
    place.fill("z-image-turbo")
    place.version = "0.18.1"
    place.refer(Z_IMAGE, end=end or "")
    if end is None:
        (place.storage(Z_IMAGE) / "refs" / "main").unlink()

    (found,) = place.judged(Z_IMAGE)

    assert found.startswith(f"refs/main: {told}")


def test_a_newer_snapshot_that_only_looks_complete_is_told(place):
    """Unpinned, mflux takes the newest folder; one that lost a shard and its index is good enough for it."""
    place.fill("z-image-turbo", commit=OTHER)
    place.fill("z-image-turbo")
    (place.snapshot(Z_IMAGE, OTHER) / SHARD).unlink()
    os.utime(place.snapshot(Z_IMAGE), (1, 1))
    place.version = "0.16.9"

    (found,) = place.judged(Z_IMAGE)

    assert found.startswith(f"snapshots/{OTHER}: mflux takes the newest folder that looks complete")


def test_a_dangling_link_among_the_snapshots_is_told(place, z_image):
    """Mflux asks each for its time, the pinned one alone being of interest."""
    (place.storage(Z_IMAGE) / "snapshots" / "broken").symlink_to("nowhere")

    assert place.paths(Z_IMAGE) == ["snapshots/broken"]


def test_a_folder_of_that_name_in_the_working_directory_is_told(place, z_image):
    """Mflux prefers it to the cache without a word."""
    (place.cwd / Z_IMAGE).mkdir(parents=True)

    assert place.paths(Z_IMAGE) == [f"./{Z_IMAGE}"]


# ---- the network


def test_before_0_17_each_start_asks_for_the_tokenizer(place, z_image):
    """It says "Fetching 4 files", with everything there; HF_HUB_OFFLINE makes an end of it."""
    place.version = "0.16.9"
    offline = place.judged(Z_IMAGE)
    place.environ = {}

    online = place.judged(Z_IMAGE)

    assert offline == []
    assert len(online) == 1
    assert "Fetching 4 files" in online[0]
    assert "mflux 0.17 or newer" in online[0]


def test_a_listed_file_of_the_tokenizer_must_be_there(place, z_image):
    """With a listing, huggingface_hub knows what is missing, and mflux goes to the network."""
    place.list(Z_IMAGE, "tokenizer/special_tokens_map.json", "README.md")

    assert place.paths(Z_IMAGE) == ["tokenizer/special_tokens_map.json"]


def test_a_configuration_that_its_makers_never_published_is_not_missed(place, z_image):
    """The listing of the commit knows; without one, a folder of weights is held to have a configuration."""
    for path in (z_image / "vae").glob("*.json"):
        path.unlink()
    for path in (z_image / "vae").glob("*.safetensors"):
        path.rename(path.with_name(f"part{path.name[10]}.safetensors"))
    listing = place.list(Z_IMAGE)
    listed = place.judged(Z_IMAGE)
    listing.unlink()

    assert (listed, place.paths(Z_IMAGE)) == ([], ["vae/*.json"])


def test_a_configuration_asked_for_by_name_needs_a_listing_or_no_network(place):
    """The ControlNet of Z-Image asks for config.json without `local_files_only`."""
    place.fill("z-image-turbo-controlnet-union-2.1")
    repo = "alibaba-pai/Z-Image-Turbo-Fun-Controlnet-Union-2.1"
    offline = place.judged(repo)
    place.environ = {}
    unlisted = place.paths(repo)
    place.list(repo)

    assert (offline, unlisted, place.judged(repo)) == ([], ["config.json"], [])


# ---- what a catalog's model is meant for


def test_one_of_two_weight_files_means_that_model(place):
    """SeedVR2 comes in two sizes in one repository: who brings one need not bring the other."""
    place.fill("seedvr2-3b")

    assert place.judged("numz/SeedVR2_comfyUI") == []
    both = ["seedvr2_ema_3b_fp16.safetensors", "ema_vae_fp16.safetensors", "seedvr2_ema_7b_fp16.safetensors"]
    assert place.paths("numz/SeedVR2_comfyUI", wanted=both) == ["seedvr2_ema_7b_fp16.safetensors"]


def test_the_vae_of_another_model_is_enough_where_only_that_is_wanted(place):
    """Lens takes its VAE from FLUX.2; whoever brings that alone is no bringer of FLUX.2."""
    repo = "black-forest-labs/FLUX.2-klein-4B"
    place.fill("lens-turbo")
    alone = place.judged(repo)
    place.fill("flux2-klein-4b")
    (place.snapshot(repo) / "transformer" / "model-00001-of-00002.safetensors").unlink()

    assert alone == []
    assert place.paths(repo) == ["transformer/model-00001-of-00002.safetensors"]


def test_a_tokenizer_left_out_of_the_catalog_is_told(place):
    """The weights alone look complete, to mflux as well."""
    root = place.fill("qwen-image")
    for path in (root / "tokenizer").iterdir():
        path.unlink()

    found = place.judged("Qwen/Qwen-Image-2512")

    assert [one.split(":")[0] for one in found] == [
        "tokenizer/vocab.json",
        "tokenizer/merges.txt",
        "tokenizer/tokenizer_config.json",
    ]


def test_a_model_that_the_version_does_not_know_is_told(place):
    """What it cannot open it cannot find."""
    place.fill("anima-base")
    place.version = "0.16.9"

    (found,) = place.judged("circlestone-labs/Anima")

    assert "mflux 0.16.9 does not know this model; 0.24 is the first that does" in found


# ---- what mflux has no name for


def saved(place, repo="acme/z-image-turbo-4bit"):
    root = place.snapshot(repo)
    for name in ("vae", "transformer", "text_encoder"):
        place.write_saved(root, name)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (root / "tokenizer").mkdir(exist_ok=True)
        (root / "tokenizer" / name).write_text("{}")
    place.refer(repo)
    return repo, root


@pytest.mark.parametrize("repo", ["acme/z-image-turbo-4bit", "acme/pictures"])
def test_a_saved_model_passes(place, repo):
    """By its name or not, it is judged by what lies there; of configurations mflux-save writes none."""
    saved(place, repo)

    assert place.judged(repo) == []


@pytest.mark.parametrize("repo", ["acme/z-image-turbo-4bit", "acme/pictures"])
@pytest.mark.parametrize("path", ["transformer/1.safetensors", "transformer/model.safetensors.index.json"])
def test_a_saved_model_that_lacks_a_file_is_told(place, repo, path):
    """The index is the only trace of shards that never arrived."""
    _, root = saved(place, repo)
    (root / path).unlink()

    assert place.paths(repo) == [path]


def test_a_saved_model_without_its_marks_is_told(place):
    """Without them mflux takes the quantized weights for the original's."""
    repo, root = saved(place)
    header = json.dumps({"__metadata__": {"format": "mlx"}}).encode()
    (root / "vae" / "0.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)

    (found,) = place.judged(repo)

    assert found.startswith("vae/0.safetensors: its header holds no quantization_level")


@pytest.mark.parametrize(("version", "told"), [("0.24.0", []), ("0.22.0", ["turbo.safetensors"])])
def test_a_saved_model_in_other_folders_is_found_from_0_24_on(place, version, told):
    """Krea 2 is saved at the root, where older releases look for the original's one file."""
    repo = "acme/krea-2-8bit"
    root = place.fill("krea-2", repo=repo)
    (root / "turbo.safetensors").unlink()
    for name in (".", "vae", "text_encoder"):
        for path in (root / name).glob("model*"):
            path.unlink()
        place.write_saved(root, name)
    place.version = version

    assert place.paths(repo) == told


def test_a_lora_in_the_cache_is_told(place):
    """Mflux looks for those in a folder of its own."""
    repo = "acme/watercolour"
    root = place.snapshot(repo)
    root.mkdir(parents=True)
    place.write_saved(root, ".")
    place.refer(repo)

    (found,) = place.judged(repo)

    assert "$MFLUX_CACHE_DIR/loras" in found
    assert 'layout = "folder"' in found
