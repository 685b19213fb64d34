"""ComfyUI lists a file or it does not: by folder, by name, and by whose nodes read it."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelready.consumers import comfyui, comfyui_folders, reading

# The lines of folder_paths.py that matter, in the form in which ComfyUI writes them.
FOLDER_PATHS = """
folder_names_and_paths["checkpoints"] = ([os.path.join(models_dir, "checkpoints")], supported_pt_extensions)
folder_names_and_paths["hats"] = ([os.path.join(models_dir, "hats"), os.path.join(models_dir, "caps")], {".pt"})
folder_names_and_paths["custom_nodes"] = ([os.path.join(base_path, "custom_nodes")], set())
"""
EXTRA = """
runpod:
    base_path: {base}
    is_default: true
    checkpoints: models/ckpt
    vae: |
        models/a
        models/b
    genfocus: models/genfocus
empty:
"""


@pytest.fixture
def lying(fill, met, tmp_path):
    """Give a model whose files lie at *paths* below the working folder, as the application meets it."""

    def lying(*paths, root="models", consumers=("comfyui",), **about):
        fill(dict.fromkeys(paths, b"1"), ".")
        places = {path: tmp_path / path for path in paths}
        return met(tmp_path / root, places=places, consumers=consumers, **about)

    return lying


@pytest.mark.parametrize(
    "path",
    [
        "models/checkpoints/sd_xl_base_1.0.safetensors",
        "models/diffusion_models/wan/high.SAFETENSORS",
        "models/unet/flux1-dev.sft",
        "models/clip/t5xxl_fp16.safetensors",
        "models/text_encoders/umt5.safetensors",
        "models/controlnet/depth.pth",
        "models/t2i_adapter/depth.pth",
        "models/vae/ae.safetensors",
        "models/embeddings/good.pt",
        "models/background_removal/birefnet.safetensors",
        "ComfyUI/models/loras/a/b/c.safetensors",
    ],
)
def test_files_in_folders_that_are_read_are_listed(lying, path):
    """Every category, its older names, sub-folders, endings in any case."""
    assert comfyui.faults(lying(path)) == ()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        pytest.param("models/genfocus/bokehNet.safetensors", "own nodes do not read", id="a folder of custom nodes"),
        pytest.param("models/lora/x.safetensors", "(nearest: loras)", id="nearly"),
        pytest.param("models/x.safetensors", "the models folder itself", id="no folder"),
        pytest.param("models/diffusion_models/x.gguf", "ComfyUI-GGUF does", id="GGUF"),
        pytest.param("models/classifiers/x.safetensors", "lists no .safetensors", id="another ending"),
        pytest.param("models/diffusers/x/unet/x.safetensors", "no model_index.json", id="diffusers without index"),
        pytest.param("models/qwen-image/split_files/vae/x.safetensors", "qwen-image/", id="sub-folders kept"),
    ],
)
def test_what_is_not_listed_is_told(lying, path, words):
    """Where it lies, what was expected, what to do."""
    (fault,) = comfyui.faults(lying(path))

    assert fault.path == path
    assert words in fault.message
    assert fault.remedy


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("models/unet/x.gguf", 0),
        ("models/diffusion_models/x.gguf", 0),
        ("models/clip/x.gguf", 0),
        ("models/vae/x.gguf", 1),
        ("models/gguf/x.gguf", 1),
    ],
)
def test_comfyui_gguf_reads_two_categories(lying, path, count):
    """unet_gguf and clip_gguf lie over the folders of two categories, and nowhere else."""
    found = comfyui.faults(lying(path, consumers=("comfyui-gguf",)))

    assert [one.path for one in found] == [path] * count


def test_custom_nodes_read_their_own_folders(lying):
    """Who says so in the catalog is believed; only not where ComfyUI is not."""
    assert comfyui.faults(lying("models/genfocus/x.pt", consumers=("comfyui-custom-nodes",))) == ()


def test_a_folder_of_diffusers_is_listed_by_its_index(lying):
    """DiffusersLoader lists folders that hold a model_index.json."""
    paths = ("models/diffusers/sdxl/model_index.json", "models/diffusers/sdxl/unet/x.safetensors")

    assert comfyui.faults(lying(*paths)) == ()


def test_a_models_folder_of_another_name_is_the_models_own(lying, tmp_path):
    """``folder = "${MODELS_DIR}"`` with ``save_as``, wherever MODELS_DIR is."""
    environ = {"MODELS_DIR": str(tmp_path / "data")}

    assert comfyui.faults(lying("weights/vae/x.safetensors", root="weights")) == ()
    assert comfyui.faults(lying("data/vae/x.safetensors", root="data/vae", environ=environ)) == ()


def test_comfyui_path_says_where_comfyui_is(lying, tmp_path):
    """A file elsewhere is not listed, however its folder is called."""
    elsewhere = lying("models/vae/x.safetensors", environ={"COMFYUI_PATH": "ComfyUI", "HOME": str(tmp_path)})
    (fault,) = comfyui.faults(elsewhere)

    assert fault.message.endswith("does not look: its models are in ~/ComfyUI/models")
    assert comfyui.faults(lying("ComfyUI/models/vae/x.safetensors", environ={"COMFYUI_PATH": "ComfyUI"})) == ()


def test_links_are_followed_as_comfyui_follows_them(lying, tmp_path):
    """A category that is a link, a folder in it that is one, a file that is one, and a circle."""
    paths = ("data/vae/a.safetensors", "data/wan/b.safetensors", "hub/snapshots/1/c.safetensors")
    models = tmp_path / "ComfyUI" / "models"
    (models / "diffusion_models").mkdir(parents=True)
    (models / "vae").symlink_to(tmp_path / "data" / "vae")
    (models / "diffusion_models" / "wan").symlink_to(tmp_path / "data" / "wan")
    (models / "diffusion_models" / "again").symlink_to(models / "diffusion_models")
    (models / "loras").mkdir()
    (models / "loras" / "c.safetensors").symlink_to(tmp_path / "hub" / "snapshots" / "1" / "c.safetensors")

    assert comfyui.faults(lying(*paths, environ={"COMFYUI_PATH": "ComfyUI"})) == ()


def test_a_model_in_the_hub_cache_is_not_listed(lying):
    """Nothing leads ComfyUI there."""
    (fault,) = comfyui.faults(lying("hub/snapshots/1/x.safetensors", is_cached=True, environ={"COMFYUI_PATH": "C"}))

    assert "lies in the Hub cache" in fault.message


def test_a_file_that_another_one_hides_is_told(lying, fill):
    """unet/ is searched before diffusion_models/: the name is listed once, and the other file is opened."""
    fill({"models/unet/x.safetensors": b"other"}, ".")

    (fault,) = comfyui.faults(lying("models/diffusion_models/x.safetensors"))

    assert "ComfyUI opens unet/x.safetensors under that name" in fault.message


def test_the_installed_comfyui_is_asked(lying, fill):
    """Versions know different folders: where folder_paths.py is at hand, it says which."""
    fill({"ComfyUI/folder_paths.py": FOLDER_PATHS}, ".")

    assert comfyui.faults(lying("ComfyUI/models/caps/x.pt")) == ()
    (fault,) = comfyui.faults(lying("ComfyUI/models/vae/x.safetensors"))
    assert fault.message.endswith("expected one of caps, checkpoints, hats")


def test_extra_folders_are_read(lying, fill, tmp_path):
    """base_path, several lines, another category, a section that is empty."""
    fill({"ComfyUI/extra_model_paths.yaml": EXTRA.format(base=tmp_path / "vol")}, ".")
    environ = {"COMFYUI_PATH": "ComfyUI"}
    paths = ("vol/models/ckpt/a.safetensors", "vol/models/b/b.safetensors", "vol/models/genfocus/c.pt")

    assert comfyui.faults(lying(*paths, environ=environ)) == ()


def test_extra_folders_come_first_where_they_are_default(fill, tmp_path):
    """``is_default`` decides which of two files with one name is opened."""
    folder = fill({"extra.yaml": "a:\n  base_path: rel\n  is_default: true\n  vae: x\n  unet: u\n"}, "ComfyUI")

    extras = comfyui_folders.extras(folder / "extra.yaml", {})
    found = comfyui_folders.of(tmp_path / "models", extras).by_category

    assert found["vae"] == (folder / "rel" / "x", tmp_path / "models" / "vae")
    assert found["diffusion_models"][0] == folder / "rel" / "u"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty: ComfyUI ends"),
        pytest.param("a: [1", id="no YAML"),
        pytest.param("- a", id="a list"),
        pytest.param("a: b", id="a section without a table"),
        pytest.param("a:\n  vae:\n", id="a category without a folder"),
        pytest.param("a:\n  base_path: 7\n  vae: x\n", id="a number"),
        pytest.param("a: !!python/object/apply:os.getcwd []", id="code"),
    ],
)
def test_extra_folders_that_comfyui_cannot_read_are_refused(fill, text):
    """It ends with a traceback; the judge with one line."""
    place = fill({"extra.yaml": text}) / "extra.yaml"

    with pytest.raises(reading.Unreadable):
        comfyui_folders.extras(place, {})


def test_a_model_without_any_file_for_comfyui_is_no_pass(lying):
    """Words and pictures are not listed."""
    (fault,) = comfyui.faults(lying("models/vae/README.md"))

    assert "no file of the model" in fault.message


def test_what_an_earlier_check_told_is_not_told_again(lying):
    """files.are_there has said so."""
    assert comfyui.faults(lying("models/x.safetensors", told=["models/x.safetensors"])) == ()


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(st.binary(max_size=80), st.text("ab:-|>&*!{}[]\n \t'\"#~$0", max_size=80).map(str.encode)))
def test_no_file_of_extra_folders_breaks_the_reader(fill, content):
    """Whatever lies there: folders, or a refusal."""
    place = fill({"extra.yaml": content}) / "extra.yaml"

    try:
        found = comfyui_folders.extras(place, {"HOME": "/home/me"})
    except reading.Unreadable:
        return
    assert all(one.folder.is_absolute() for one in found)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.text('folder_names_and_paths["a"] = ([os.path.join(models_dir, "b")], {".x"})\n', max_size=200))
def test_no_installed_comfyui_breaks_the_reader(fill, content):
    """folder_paths.py is read, never run."""
    folder = fill({"folder_paths.py": content})

    assert all(folders for folders in comfyui_folders.installed(folder).values())
