"""What each variable turns on, and that docs/switches.md says so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelready import catalog, packaged, switches
from modelready.cli import run
from modelready.errors import RequestError

PAGE = Path(__file__).parents[2] / "docs" / "switches.md"
MODELS = catalog.read([packaged.folder("catalogs")], environ={}, cwd=Path("/work")).models
LINES = [switches.parse(text) for model in MODELS for text in model.enabled_by]
STARTER = "all-minilm-l6-v2"
WAN = {"umt5-xxl-fp8", "wan21-vae"}
CLIP = {"clip-vision-h"}
QWEN = {"qwen-2.5-vl-7b-fp8-comfy", "qwen-image-vae-comfy"}
TTS = {"qwen3-tts-tokenizer-12hz"}


def required(**environ):
    return {name for name, one in switches.decide(MODELS, environ).items() if one.is_required} - {STARTER}


def defaults():
    """Give the value that each variable of a choice has where nobody sets it."""
    return {line.names[0]: line.default for line in LINES if line.default}


def choices():
    """Give each value of each variable of a choice."""
    return sorted({(line.names[0], value) for line in LINES if not line.is_boolean for value in line.values})


def booleans():
    return sorted({name for line in LINES if line.is_boolean for name in line.names})


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({"ENABLE_ZIMAGE": "true"}, {"z-image-turbo-comfyui"}),
        ({"ENABLE_ZIMAGE": "true", "ZIMAGE_MODEL": "diffusers"}, {"z-image-turbo-diffusers"}),
        ({"ENABLE_ZIMAGE": "1", "ZIMAGE_MODEL": "Q8_0"}, {"z-image-turbo-gguf-q8-0", "z-image-parts-comfyui"}),
        ({"ENABLE_QWEN_EDIT": "true"}, {"qwen-image-edit-2511-q4-k-m", *QWEN}),
        ({"ENABLE_QWEN_EDIT": "true", "QWEN_EDIT_MODEL": "Q5_K_M"}, {"qwen-image-edit-2511-q5-k-m", *QWEN}),
        ({"ENABLE_QWEN_EDIT": "true", "QWEN_EDIT_MODEL": "Q8_0"}, {"qwen-image-edit-2511-q8-0", *QWEN}),
        ({"ENABLE_QWEN_EDIT": "true", "QWEN_EDIT_MODEL": "full"}, {"qwen-image-edit-2511-full"}),
        ({"QWEN_EDIT_MODEL": "full"}, set()),
        ({"ENABLE_QWEN_IMAGE_EDIT": "true"}, {"qwen-image-edit-diffusers"}),
        ({"ENABLE_QWEN_TTS": "true"}, {"qwen3-tts-1.7b-base", "qwen3-tts-0.6b-base", *TTS}),
        ({"ENABLE_QWEN_TTS": "true", "QWEN_TTS_SIZE": "0.6B"}, {"qwen3-tts-0.6b-base", *TTS}),
        ({"ENABLE_QWEN_TTS": "true", "QWEN_TTS_MODEL": "voicedesign"}, {"qwen3-tts-1.7b-voicedesign", *TTS}),
        ({"ENABLE_WDV3": "true"}, {"wd-vit-tagger-v3"}),
        ({"ENABLE_JTP2": "yes"}, {"jtp-pilot2"}),
        ({"ENABLE_CAPTIONER": "true", "CAPTIONER_MODEL": "joycaption"}, {"joycaption-beta-one"}),
        ({"WAN_480P": "true"}, {"wan21-t2v-1.3b-fp16", *WAN}),
        ({"WAN_720P": "true"}, {"wan21-t2v-14b-fp8", *WAN, *CLIP}),
        ({"WAN_720P": "true", "ENABLE_I2V": "true"}, {"wan21-t2v-14b-fp8", "wan21-i2v-720p-14b-fp8", *WAN, *CLIP}),
        ({"ENABLE_I2V": "true"}, set()),
        ({"ENABLE_WAN22_DISTILL": "true"}, {"wan22-i2v-14b-high-fp8", "wan22-i2v-14b-low-fp8", *WAN, *CLIP}),
        (
            {"ENABLE_TURBODIFFUSION": "true"},
            {"turbowan22-i2v-high-quant", "turbowan22-i2v-low-quant", "wan-vae-t5-pth"},
        ),
        ({"ENABLE_STEADYDANCER": "true"}, {"steadydancer-smthem-bf16", *WAN, *CLIP}),
        ({"ENABLE_STEADYDANCER": "true", "STEADYDANCER_VARIANT": "fp8"}, {"steadydancer-kijai-fp8", *WAN, *CLIP}),
        ({"ENABLE_GENFOCUS": "true"}, {"genfocus", "flux1-dev-diffusers"}),
        ({"ENABLE_MVINVERSE": "true"}, {"mvinverse"}),
        ({"ENABLE_VIBEVOICE": "true"}, {"vibevoice-large", "qwen2.5-1.5b-tokenizer"}),
        (
            {"ENABLE_ILLUSTRIOUS": "true"},
            {"civitai-realism-illustrious-v50-fp16", "civitai-1153237", "civitai-1153212"},
        ),
        (
            {"ENABLE_ILLUSTRIOUS": "true", "ENABLE_ILLUSTRIOUS_EMBEDDINGS": "false"},
            {"civitai-realism-illustrious-v50-fp16"},
        ),
        ({"ENABLE_INFCAM": "true"}, set()),
        (
            {"ENABLE_INFCAM": "true", "GPU_TIER": "datacenter"},
            {"infcam", "unidepth-v2-vitl14", "wan21-t2v-14b-fp8", *WAN},
        ),
        (
            {"ENABLE_STORYMEM": "true", "GPU_TIER": "prosumer"},
            {"storymem", "wan21-t2v-14b-fp8", "wan21-i2v-720p-14b-fp8", *WAN, *CLIP},
        ),
        ({"ENABLE_FLUX": "true", "FLUX_MODEL": "dev-Q8_0"}, {"flux1-dev-gguf-q8-0", "flux-text-encoders", "flux-vae"}),
    ],
    ids=lambda case: " ".join(f"{name}={value}" for name, value in case.items()) if isinstance(case, dict) else "",
)
def test_each_switch_turns_on_what_it_should(environ, names):
    """That, what it needs, and nothing else."""
    assert required(**environ) == names


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("qwen3-tts-0.6b-base", TTS),
        ("qwen3-tts-1.7b-voicedesign", TTS),
        ("qwen-image-edit-2511-q8-0", QWEN),
        ("qwen-image-edit-2509-fp8-comfy", QWEN),
        ("wan21-i2v-720p-14b-fp8", {*WAN, *CLIP}),
        ("turbowan22-i2v-low-quant", {"wan-vae-t5-pth"}),
        ("vibevoice-large-q8", {"qwen2.5-1.5b-tokenizer"}),
        ("flux1-dev-gguf-q4-1", {"flux-text-encoders", "flux-vae"}),
        ("z-image-turbo-gguf-q6-k", {"z-image-parts-comfyui"}),
    ],
)
def test_a_model_that_is_asked_for_by_name_has_its_partners(name, needed):
    """With no variable at all, as `--require` and the API ask for it."""
    found = switches.decide(MODELS, {}, [name])

    assert {one for one, decision in found.items() if decision.is_required} == {STARTER, name, *needed}


@pytest.mark.parametrize("name", booleans())
def test_a_switch_set_to_false_is_as_good_as_none(name):
    """A Dockerfile declares all of them, with false."""
    assert required(**{name: "false"}) == required(**{name: ""}) == set()


@pytest.mark.parametrize(("name", "value"), choices())
def test_every_value_of_every_choice_turns_something_on(name, value):
    """None of them is only a word."""
    beside = {
        line.names[0]: "true"
        for model in MODELS
        for line in map(switches.parse, model.enabled_by)
        if line.is_boolean and any(f"{name}:-" in text or f"{name}=" in text for text in model.enabled_by)
    }
    chosen = {"QWEN_TTS_SIZE": "both"} if name == "QWEN_TTS_MODEL" else {}

    found = switches.decide(MODELS, {**beside, **chosen, name: value})

    deciding = [one for one in found.values() if one.is_required and name in one.variables]
    assert deciding
    assert all(f"{name}={value}" in one.because or one.because.startswith("needed by") for one in deciding)


@pytest.mark.parametrize("name", sorted(defaults()))
def test_an_impossible_value_is_refused_with_the_possible_ones(name):
    """Before anything is asked or fetched, whether its switch is on or not."""
    with pytest.raises(RequestError, match=f"{name}=perhaps: no catalog names this value") as caught:
        required(**{name: "perhaps"})

    assert caught.value.exit_code == 4
    assert defaults()[name] in str(caught.value)


def test_a_value_of_another_spelling_costs_4_and_names_the_right_one(monkeypatch, capsys, tmp_path):
    """Document 5's values are in capitals; the message says which was meant."""
    monkeypatch.setenv("QWEN_EDIT_MODEL", "q4_k_m")
    monkeypatch.setenv("MODELREADY_HOME", str(tmp_path))

    status = run(["status", "--catalog", str(packaged.folder("catalogs"))])

    told = capsys.readouterr().err
    assert status == 4
    assert told.startswith("modelready: QWEN_EDIT_MODEL=q4_k_m: no catalog names this value; expected one of Q2_K, ")
    assert told.endswith("Q8_0, full; did you mean 'Q4_K_M'?\n")


def test_a_choice_has_one_default():
    """Two models that disagree about it would both be on, or neither."""
    told = {(line.names[0], line.default) for line in LINES if line.default}

    assert len(told) == len(defaults())


def test_all_at_once_is_a_catalog_without_faults(tmp_path):
    """Every folder has a value, and no two models fight."""
    environ = dict.fromkeys(booleans(), "true") | {"HOME": str(tmp_path)}

    found = catalog.read([packaged.folder("catalogs")], environ=environ, cwd=tmp_path, require=["*"])

    assert all(one.layout == "hub-cache" or one.folder for one in found.models)


def environments():
    """Give environments in which some variables have a value that some catalog names."""
    words = {name: st.sampled_from(["true", "1", "On", "false", "NO", "", "  "]) for name in booleans()}
    for name in defaults():
        if name not in words:
            words[name] = st.sampled_from(["", *(value for other, value in choices() if other == name)])
    return st.fixed_dictionaries({}, optional=words)


@settings(max_examples=40, deadline=None)
@given(environments())
def test_whatever_is_set_every_model_that_is_on_has_its_needs_and_a_reason(environ):
    """Nothing is refused, nothing is half, and turning off what decided turns it off."""
    found = switches.decide(MODELS, environ)
    on = {name for name, one in found.items() if one.is_required} - {STARTER}
    needs = {one.name: {*one.needs} for one in MODELS}

    off = dict.fromkeys(booleans(), "false")

    assert all(needs[name] <= on for name in on)
    assert all(found[name].variables for name in on)
    assert required(**environ | off) == set()


# ---- docs/switches.md


def rows():
    """Give the rows that the two tables of the page should have."""
    for name in booleans():
        models = [f"`{one.name}`" for one in MODELS if name in _names(one)]
        yield f"| `{name}` | `{defaults().get(name, 'false')}` | {', '.join(models)} |"
    for name, value in choices():
        default = " (default)" if defaults()[name] == value else ""
        models = [f"`{one.name}`" for one in MODELS if value in _values(one, name)]
        yield f"| `{name}={value}`{default} | {', '.join(models)} |"


def _names(model):
    return {name for text in model.enabled_by for name in switches.parse(text).names}


def _values(model, name):
    lines = [switches.parse(text) for text in model.enabled_by]
    return [value for line in lines if line.names == (name,) for value in line.values]


def test_the_page_of_switches_says_what_the_catalogs_say():
    """Every variable, every value, its default, and the models that name it."""
    page = PAGE.read_text(encoding="utf-8").splitlines()

    found = [row for row in page if re.match(r"\| `[A-Z0-9_]+(=[\w.-]+)?`", row)]

    assert found == list(rows())
