"""Download scripts as catalogs: the lines of document 5, its switches, and whatever else a shell allows."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelready import adopting, catalog
from modelready.adopting import rows, scripts
from modelready.adopting.words import tokens
from modelready.errors import RequestError

HELPERS = """\
#!/bin/bash
hf_download() {
    local REPO="$1"; local FILE="$2"; local DEST="$3"
    if [ -f "$DEST" ]; then echo "  [Skip] $DEST"; return 0; fi
    hf download "$REPO" "$FILE" --local-dir "$(dirname "$DEST")"
}
civitai_download() { wget "https://civitai.com/api/download/models/${1}?token=${CIVITAI_API_KEY}" -O "$2"; }
# Verify download integrity by size
verify_download() {
    local FILE="$1"
    local BYTES=$((MIN_SIZE_MB * 1024 * 1024))
    if [ ! -f "$FILE" ]; then
        echo "  [Error] Verification failed: $FILE not found"
        return 1
    fi
}
MODELS_DIR="${MODELS_DIR:-\\/workspace\\/ComfyUI\\/models}"
"""
DOCUMENT_5 = (
    HELPERS
    + """
# ============================================
# TurboDiffusion (WAN Video Acceleration)
# ============================================
if [ "${ENABLE_TURBODIFFUSION:-false}" = "true" ]; then
    echo "[TurboDiffusion] Downloading acceleration models..."
    # High-noise expert (Quantized)
    hf_download "TurboDiffusion/TurboWan2.2-I2V-A14B-720P" \\
        "TurboWan2.2-I2V-A14B-high-720P-quant.pth" \\
        "$MODELS_DIR/diffusion_models/TurboWan2.2-I2V-A14B-high-720P-quant.pth"
    verify_download "$MODELS_DIR/diffusion_models/TurboWan2.2-I2V-A14B-high-720P-quant.pth" 10000 # ~10GB

    # Low-noise expert (Quantized)
    hf_download "TurboDiffusion/TurboWan2.2-I2V-A14B-720P" \\
        "TurboWan2.2-I2V-A14B-low-720P-quant.pth" \\
        "$MODELS_DIR/diffusion_models/TurboWan2.2-I2V-A14B-low-720P-quant.pth"
fi
"""
)
LINE = 'hf_download "acme/tiny" "a.safetensors" "$MODELS_DIR/vae/a.safetensors"\n'


def of(text):
    """Give what *text* is as rows that a catalog can say."""
    return rows.whole(scripts.adopt(text))


def test_the_section_of_document_5_is_one_model_with_its_switch(tmp_path, adopted):
    """Repository, both files, their places, the minimum of verify_download, and the switch around them."""
    path = tmp_path / "download_models.sh"
    path.write_text(DOCUMENT_5)

    found, read = adopted(path)

    (model,) = read.models
    assert model.name == "turbowan2.2-i2v-a14b-720p"
    assert model.source.text == "hf:TurboDiffusion/TurboWan2.2-I2V-A14B-720P"
    assert (model.enabled_by, model.consumers) == (("ENABLE_TURBODIFFUSION",), ("comfyui",))
    assert model.folder == tmp_path / "models"
    high, low = model.files
    assert high.path == "TurboWan2.2-I2V-A14B-high-720P-quant.pth"
    assert high.save_as == f"diffusion_models/{high.path}"
    assert (high.min_size, low.min_size) == (10000 * 2**20, None)
    assert found.unknown == (scripts._NOT_PINNED,)


@pytest.mark.parametrize(
    ("around", "lines"),
    [
        pytest.param('if [ "$A" = "true" ]; then\n{}fi\n', ("A",), id="plain variable"),
        pytest.param("if [[ ${A:-false} == true ]]\nthen\n{}fi\n", ("A",), id="double brackets, then below"),
        pytest.param('if [ "${A,,}" = "true" ]; then\n{}fi\n', ("A",), id="in small letters"),
        pytest.param('if is_true "$A"; then\n{}fi\n', ("A",), id="a helper that tests"),
        pytest.param("if $A; then\n{}fi\n", ("A",), id="the variable as a command"),
        pytest.param('if [ "${A:-true}" = "true" ]; then\n{}fi\n', ("A:-true=true|1|yes|on",), id="on unless told"),
        pytest.param('if [ "$A" = true ] && [ "$B" = true ]; then\n{}fi\n', ("A", "B"), id="both"),
        pytest.param("if [[ $A == true && $B == true ]]; then\n{}fi\n", ("A", "B"), id="both, inside"),
        pytest.param('if [ "$A" = true ] || [ "$B" = true ]; then\n{}fi\n', ("A|B",), id="either"),
        pytest.param("if [ $A = x ] || [ $A = y ]; then\n{}fi\n", ("A=x|y",), id="one of two values"),
        pytest.param('if [ "$A" = true ]; then\nif [ "$B" = x ]; then\n{}fi\nfi\n', ("A", "B=x"), id="nested"),
        pytest.param('[ "$A" = true ] && {}', ("A",), id="in one line"),
        pytest.param('[[ "$A" = true ]] && {{ {} }}\n', ("A",), id="in one line, in braces"),
        pytest.param('A="${{A:-x}}"\nif [ "$A" = y ]; then\n{}fi\n', ("A:-x=y",), id="default told above"),
        pytest.param(': "${{A:=x}}"\nif [ "$A" = y ]; then\n{}fi\n', ("A:-x=y",), id="default assigned in place"),
        pytest.param('case "${{A:-x}}" in\n  x|y) {} ;;\n  z) echo ;;\nesac\n', ("A:-x=x|y",), id="case"),
        pytest.param('if [ "$B" = true ]; then echo; else echo; fi\n{}', (), id="after an if that ended"),
        pytest.param('if [ ! -f "$MODELS_DIR/x" ]; then\n{}fi\n', (), id="only where it is not there"),
        pytest.param("wan() {{\n{}}}\nwan\n", (), id="in a function"),
        pytest.param('if [ "$A" = true ]; then echo\nelif [ "$B" = true ]; then\n{}fi\n', ("B",), id="elif"),
    ],
)
def test_switches_around_a_line_are_those_of_the_model(around, lines):
    """What the shell would test, a catalog says."""
    found = of(around.replace("{{", "{").replace("}}", "}").replace("{}", LINE))

    assert [row.enabled_by for row in found.rows] == [lines]
    assert [row.unknown for row in found.rows] == [()]


@pytest.mark.parametrize(
    ("around", "told"),
    [
        pytest.param('if [ "$A" != "true" ]; then\n{}fi\n', "brought only if", id="not equal"),
        pytest.param('if [ -n "$HF_TOKEN" ]; then\n{}fi\n', "brought only if", id="a token"),
        pytest.param('if [ "$A" = true ]; then echo\nelse\n{}fi\n', "where A does not hold", id="else"),
        pytest.param('case "$A" in\n *) {} ;;\nesac\n', "only where $A is *", id="any other value"),
        pytest.param('if [ "$A" = true ] || [ "$B" = x ]; then\n{}fi\n', "brought only if", id="either, of two kinds"),
    ],
)
def test_a_condition_that_no_catalog_can_say_is_told(around, told):
    """Better a line too many than a model that is silently always required."""
    (row,) = of(around.replace("{}", LINE)).rows

    assert row.enabled_by == ()
    assert told in row.unknown[0]


def test_a_choice_in_a_name_is_a_model_for_each_value():
    """``x-$QUANT.gguf`` inside ``case`` means one file for each value."""
    text = (
        'QUANT="${QUANT:-Q4_K_M}"\nif [ "$ENABLE_Q" = true ]; then\ncase "$QUANT" in\n'
        '  Q4_K_M|Q8_0) hf_download "a/b" "x-${QUANT}.gguf" "$MODELS_DIR/unet/x-${QUANT}.gguf"\n'
        '  verify_download "$MODELS_DIR/unet/x-${QUANT}.gguf" 13000 ;;\nesac\nfi\n'
    )

    found = of(text)

    assert [(row.files[0].path, row.enabled_by, row.files[0].min_size) for row in found.rows] == [
        ("x-Q4_K_M.gguf", ("ENABLE_Q", "QUANT:-Q4_K_M=Q4_K_M"), "13000 MiB"),
        ("x-Q8_0.gguf", ("ENABLE_Q", "QUANT:-Q4_K_M=Q8_0"), "13000 MiB"),
    ]
    assert {row.consumers for row in found.rows} == {("comfyui-gguf",)}


@pytest.mark.parametrize(
    ("line", "source", "save_as"),
    [
        pytest.param(
            '"2091367" "$MODELS_DIR/checkpoints/r.safetensors"', "civitai:2091367", "checkpoints/r.safetensors"
        ),
        pytest.param(
            '"https://civitai.com/api/download/models/12?fileId=34" "$MODELS_DIR/loras/x.safetensors" "a name"',
            "civitai:12?fileId=34",
            "loras/x.safetensors",
        ),
        pytest.param('12 "$MODELS_DIR/loras" "x.safetensors"', "civitai:12", "loras/x.safetensors"),
    ],
)
def test_lines_of_civitai_name_version_and_place(line, source, save_as):
    (row,) = of(f"civitai_download {line}\n").rows

    assert (row.source, row.files[0].save_as) == (source, save_as)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param('hf_download "a/b"\n', "line 1: hf_download: expected REPO FILE DESTINATION", id="too few words"),
        pytest.param('hf_download a/b "$F" "$D/$F"\n', "nothing says what $F is", id="a variable without a value"),
        pytest.param(
            "for i in a b; do hf_download x/y $i $MODELS_DIR/$i; done\n", "in a loop or a function", id="loop"
        ),
        pytest.param('verify_download "$MODELS_DIR/a" 10\n', "the script does not bring it", id="check of nothing"),
        pytest.param(
            'hf_download a/b ../x "$MODELS_DIR/../x"\n', "cannot be named in a catalog", id="path that climbs"
        ),
        pytest.param(
            'hf_download "a b" x.bin "$MODELS_DIR/x.bin"\n', "no source that a catalog can name", id="no repo"
        ),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text, told):
    found = of(LINE + text if "line 1" not in told else text)

    assert any(told in line for line in found.unknown)


def test_two_lines_that_write_one_place_differently_are_told():
    """A catalog refuses them; the first one stands."""
    found = of(LINE + LINE.replace("acme/tiny", "acme/other"))

    assert [row.source for row in found.rows] == ["hf:acme/tiny"]
    assert "vae/a.safetensors is already hf:acme/tiny a.safetensors" in found.unknown[-1]


def test_a_script_without_downloads_is_a_mistake(tmp_path, adopted):
    path = tmp_path / "hello.sh"
    path.write_text("echo hello\n")

    with pytest.raises(RequestError, match="holds no model that could be adopted"):
        adopted(path)


WORDS = st.text("abcXYZ019._-", min_size=1, max_size=12).filter(lambda word: word.strip(".-_") == word)
SWITCH = st.from_regex(r"ENABLE_[A-Z]{1,6}", fullmatch=True)


@given(
    st.lists(st.tuples(SWITCH, WORDS, WORDS, st.none() | st.integers(1, 50_000)), min_size=1, max_size=5, unique=True)
)
def test_what_is_written_as_a_script_is_read_from_it(lines):
    """Every line becomes a file with its repository, place, minimum and switch."""
    text = HELPERS
    for number, (switch, repo, name, least) in enumerate(lines):
        place = f"$MODELS_DIR/vae/{number}-{name}.safetensors"
        check = f'    verify_download "{place}" {least}\n' if least else ""
        body = f'    hf_download "acme/{repo}" \\\n        "{name}.safetensors" "{place}"\n{check}'
        text += f'if [ "${{{switch}:-false}}" = "true" ]; then\n{body}fi\n'

    found = scripts.adopt(text)

    told = {
        (row.enabled_by[0], row.source.removeprefix("hf:acme/"), file.path.removesuffix(".safetensors"), file.min_size)
        for row in found.rows
        for file in row.files
    }
    assert told == {(switch, repo, name, f"{least} MiB" if least else "") for switch, repo, name, least in lines}


PIECES = st.sampled_from(
    [*("if", "fi", "then", "else", "elif", "case", "esac", "in", "do", "done", "for", "{", "}", "(", ")", ";", ";;"),
     *("&&", "||", "\n", "\\\n", "[", "]", "[[", "]]", "=", "!", "|", '"', "'", "`", "$(", "${", "$A", "<<EOF", "#"),
     *("hf_download", "civitai_download", "verify_download", "a/b", "x.pth", "$MODELS_DIR/x", "10", "A=b", "f()")]
)  # fmt: skip


@given(st.lists(PIECES | st.text(max_size=4), max_size=40).map(" ".join))
def test_any_text_ends_in_rows_that_a_catalog_can_say(tmp_path_factory, text):
    """Whatever stands there, reading it ends, and what comes of it is a catalog."""
    found = of(text)

    if found.rows:
        path = tmp_path_factory.mktemp("any") / "c.toml"
        path.write_text(adopting.toml(found), encoding="utf-8")
        read = catalog.read([path], environ={}, cwd=path.parent)
        assert [model.name for model in read.models] == [row.name for row in found.rows]


SHELL = st.lists(st.sampled_from(["a b", '"', "'", "$HOME", "\\", "#", "é", "x=y", "*", ";"]), max_size=4).map("".join)


@given(st.lists(SHELL, min_size=1, max_size=4))
def test_quoted_words_are_what_bash_makes_of_them(words):
    """The judge is a shell: what it was given in single quotes comes back as one word."""
    quoted = " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)

    read = [token.text for token in tokens(quoted)]

    assert read == words


def test_bash_agrees_on_words_joined_from_pieces():
    """Double quotes, backslashes and continuation, as a real shell has them."""
    line = 'p "a b"c\\ d "q\\"u" \'x\'"y" \\\n  end # no word'
    judged = subprocess.run(
        ["bash", "-c", f"p() {{ printf '%s\\n' \"$@\"; }}; {line}"], capture_output=True, text=True, check=True
    )

    assert [token.text for token in tokens(line)][1:] == judged.stdout.splitlines()
