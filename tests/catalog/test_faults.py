"""Everything that can be wrong with a catalog: each costs one line with file, line and key."""

import os
import subprocess
import sys

import pytest

from modelready import catalog, errors

HEAD = '[[model]]\nname = "tiny"\nsource = "https://h/x.bin"\n'
HUB = '[[model]]\nname = "tiny"\nsource = "hf:a/b"\n'
FILE = HEAD + '[[model.file]]\npath = "x.bin"\n'
HUB_FILE = HUB + '[[model.file]]\npath = "x.bin"\n'

ONE_FAULT = [
    pytest.param("[[model]\n", "1: column 8: not TOML", "correct", id="no TOML"),
    pytest.param('x = 1\n[[model]]\nname = "a', "3: end of the file: not TOML", "complete", id="no end"),
    pytest.param(HEAD + 'name = "again"\n', "4: column 15: not TOML", "cannot overwrite", id="key twice"),
    pytest.param(f"x = {'[' * 5000}", "1: is nested too deeply", "[[model]]", id="nested"),
    pytest.param("", "1: holds no [[model]]", "--catalog", id="empty"),
    pytest.param("model = []\n", "1: holds no [[model]]", "--catalog", id="empty list"),
    pytest.param("\nmodel = 3\n", "2: model: is a single table", "[[model]]", id="model is a value"),
    pytest.param('[model]\nname = "x"\n', "1: model: is a single table", "[[model]]", id="single brackets"),
    pytest.param("model = [\n3]\n", "2: model: is no table", "[[model]]", id="model is a list of values"),
    pytest.param(HEAD + "[[modle]]\n", "4: modle: unknown key", "did you mean 'model'?", id="unknown table"),
    pytest.param(HEAD + 'license = "x"\n', "4: license: unknown key", "did you mean 'licence'?", id="unknown key"),
    pytest.param(HEAD + "zzz = 1\n", "4: zzz: unknown key", "name, title, source", id="unknown key, far away"),
    pytest.param(FILE + 'sha265 = "x"\n', "6: sha265: unknown key", "did you mean 'sha256'?", id="unknown file key"),
    pytest.param(HEAD + "size = 3\n", "4: size: unknown key here", "[[model.file]] row: move it", id="misplaced below"),
    pytest.param(FILE + 'kind = "x"\n', "6: kind: unknown key here", "[[model]], above", id="misplaced above"),
    pytest.param(HEAD + "title = 3\n", "4: title: 3 is a number", 'text in quotes: "…"', id="number for text"),
    pytest.param(HEAD + "title = 1979-05-27\n", "4: title: datetime.date(1979, 5, 27) is a date", "text", id="date"),
    pytest.param(HEAD + 'title = " "\n', "4: title: is empty", "leave the key out", id="empty text"),
    pytest.param(HEAD + 'gated = "no"\n', "4: gated: 'no' is text", "true or false", id="text for a boolean"),
    pytest.param(HEAD + "gated = 1\n", "4: gated: 1 is a number", "true or false", id="number for a boolean"),
    pytest.param(HEAD + 'tags = "x"\n', "4: tags: 'x' is text", 'a list: ["…"]', id="text for a list"),
    pytest.param(HEAD + 'tags = [\n"x",\n3]\n', "6: tags: 3 is a number", "text in quotes", id="number in a list"),
    pytest.param(HEAD + "tags = [[]]\n", "4: tags: [] is a list", "text in quotes", id="list in a list"),
    pytest.param(HEAD + "tags = [true]\n", "4: tags: True is true or false", "text in quotes", id="boolean in a list"),
    pytest.param(HEAD + "tokenizer = 3\n", "4: tokenizer: 3 is a number", "a list", id="number for a tokenizer"),
    pytest.param(HEAD + "file = [3]\n", "4: file: 3 is a number", "[[model.file]]", id="file is no table"),
    pytest.param(HEAD + "[model.file]\n", "4: file: {} is a table", "a list", id="file in single brackets"),
    pytest.param('\n[[model]]\nsource = "hf:a/b"\n', "2: name: is missing", "[a-z0-9.-]+", id="no name"),
    pytest.param('[[model]]\nname = "x"\n', "1: source: is missing", "hf:REPO", id="no source"),
    pytest.param(HEAD.replace("tiny", "Tiny TTS"), "2: name: 'Tiny TTS' is no name", "write 'tiny-tts'", id="bad name"),
    pytest.param(HEAD.replace("tiny", ".."), "2: name: '..' is no name", "[a-z0-9.-]+", id="name of dots"),
    pytest.param(HEAD.replace("tiny", "größe"), "2: name: 'größe' is no name", "write 'gr-e'", id="name not ASCII"),
    pytest.param(HUB.replace("hf:", "hub:"), "3: source: 'hub:a/b' names no kind", "hf:REPO", id="kind of source"),
    pytest.param(HUB.replace("a/b", "a/b@"), "3: source: 'hf:a/b@' has no revision", "a branch", id="no revision"),
    pytest.param(HEAD.replace("https", "http"), "3: source: 'http://h/x.bin' is not encrypted", "loopback", id="http"),
    pytest.param(
        HEAD.replace("x.bin", ""), "3: source: 'https://h/' ends in no file name", "save_as", id="URL, no name"
    ),
    pytest.param(HEAD + 'layout = "foldr"\n', "4: layout: 'foldr' is no known", "did you mean 'folder'?", id="layout"),
    pytest.param(
        HEAD + 'layout = "hub-cache"\n', "4: layout: 'hub-cache' holds only hf:", "'folder'", id="not for a URL"
    ),
    pytest.param(
        HUB + 'folder = "x"\n', "4: folder: 'x' has no meaning in a Hub", "layout 'folder'", id="folder in a cache"
    ),
    pytest.param(HUB_FILE + 'save_as = "y"\n', "6: save_as: 'y' has no meaning", "'folder'", id="save_as in a cache"),
    pytest.param(FILE + 'save_as = "../y"\n', "6: save_as: '../y' leaves its folder", "inside", id="save_as leaves"),
    pytest.param(FILE + 'save_as = "/y"\n', "6: save_as: '/y' is absolute", "inside", id="save_as is absolute"),
    pytest.param(FILE + 'save_as = "a\\\\y"\n', "6: save_as: 'a\\\\y' holds a backslash", "inside", id="backslash"),
    pytest.param(FILE + 'save_as = "*.y"\n', "6: save_as: '*.y' is a pattern", "the one path", id="save_as a pattern"),
    pytest.param(
        HEAD + '[[model.file]]\npath = "../x"\n', "5: path: '../x' leaves its", "pattern over", id="path leaves"
    ),
    pytest.param(HEAD + "[[model.file]]\nsize = 1\n", "4: path: is missing", "or a pattern", id="no path"),
    pytest.param(HEAD + 'include = ["a",\n"/b/*"]\n', "5: include: '/b/*' is absolute", "pattern over", id="include"),
    pytest.param(HEAD + 'exclude = ["./*"]\n', "4: exclude: './*' has a part '.'", "pattern over", id="exclude"),
    pytest.param(
        HEAD + 'consumers = ["comfy-ui"]\n', "4: consumers: 'comfy-ui' is no", "mean 'comfyui'?", id="consumer"
    ),
    pytest.param(HEAD + 'needs = ["tinny"]\n', "4: needs: no catalog has a model 'tinny'", "mean 'tiny'?", id="needs"),
    pytest.param(HEAD + 'needs = ["X"]\n', "4: needs: 'X' is no name", "write 'x'", id="needs no name"),
    pytest.param(
        HEAD + 'tokenizer = "tinny:."\n', "4: tokenizer: no catalog has", "mean 'tiny'?", id="tokenizer model"
    ),
    pytest.param(HEAD + 'tokenizer = "../x"\n', "4: tokenizer: '../x' leaves", "inside", id="tokenizer leaves"),
    pytest.param(HEAD + 'tokenizer = "X:."\n', "4: tokenizer: 'X' is no name", "[a-z0-9.-]+", id="tokenizer no name"),
    pytest.param(HEAD + 'folder = "${NOPE}/x"\n', "4: folder: '${NOPE}/x' needs NOPE", "set NOPE, or", id="unset"),
    pytest.param(HEAD + 'folder = "${A:-}"\n', "4: folder: '${A:-}' expands to nothing", "name one", id="nothing"),
    pytest.param(
        HEAD + 'folder = "${NOPE"\n', "4: folder: '${NOPE' has a '${' that is malformed", "${VAR}", id="brace"
    ),
    pytest.param(HEAD + 'folder = ""\n', "4: folder: is empty", "leave the key out", id="empty folder"),
    pytest.param(HEAD + 'folder = "a\\u0000"\n', "4: folder: 'a\\x00' holds a control", "a path", id="NUL"),
    pytest.param(HEAD + 'enabled_by = ["A", "B="]\n', "4: enabled_by: 'B=' is no switch", "NAME, A|B", id="switch"),
    pytest.param(FILE + 'min_size = "3 gigs"\n', "6: min_size: '3 gigs' is no size", "'3 GB'", id="min_size"),
    pytest.param(FILE + "size = -1\n", "6: size: -1 bytes is no size", "correct it", id="negative size"),
    pytest.param(FILE + "size = 3e9\n", "6: size: 3000000000.0 is no size", "whole number", id="size with a point"),
    pytest.param(FILE + "size = true\n", "6: size: True is no size", "whole number", id="size is a boolean"),
    pytest.param(
        FILE + 'size = 9\nmin_size = "1 KB"\n', "6: size: 9 bytes are less", "1.0 KB", id="size below min_size"
    ),
    pytest.param(FILE + 'sha256 = "abc"\n', "6: sha256: 'abc' is no sha256", "this has 3", id="digest too short"),
    pytest.param(
        FILE + f'sha256 = "{"a" * 40}"\n',
        "6: sha256: 'aaaa",
        "40 digits would be a git_sha1 or sha1",
        id="other digest",
    ),
    pytest.param(FILE + f'md5 = "{"g" * 32}"\n', "6: md5: 'gggg", "32 hexadecimal digits, this", id="no hexadecimal"),
    pytest.param(
        FILE + 'name_from = "url"\n', "6: name_from: 'url' is no known", "content-disposition", id="name_from"
    ),
    pytest.param(
        HUB_FILE + 'name_from = "content-disposition"\n',
        "6: name_from: only a URL",
        "no name_from",
        id="name_from of a Hub",
    ),
    pytest.param(FILE + 'allow_globals = "a.B"\n', "6: allow_globals: 'a.B' is text", 'a list: ["…"]', id="one global"),
    pytest.param(
        FILE + 'allow_globals = ["B"]\n', "6: allow_globals: 'B' is no global", "module, a dot", id="no global"
    ),
    pytest.param(
        FILE + 'allow_globals = ["a.*"]\n', "6: allow_globals: 'a.*' is no global", "package.module.Class", id="globals"
    ),
    pytest.param(
        FILE + 'allow_globals = ["os.system"]\n', "6: allow_globals: 'os.system' would let", "classes", id="os.system"
    ),
    pytest.param(
        FILE + 'allow_globals = ["builtins.getattr"]\n',
        "6: allow_globals: 'builtins.getattr' would",
        "classes",
        id="any",
    ),
    pytest.param(FILE + 'dtype = ""\n', "6: dtype: is empty", "leave the key out", id="dtype"),
    pytest.param(
        HEAD + "title = '''\n[[model]]\n'''\n[[model.file]]\nsize = 1\n",
        "7: path: is missing",
        "path",
        id="line after a text",
    ),
]


@pytest.mark.parametrize(("text", "begins", "holds"), ONE_FAULT)
def test_each_fault_costs_one_line_that_says_where(faults, text, begins, holds):
    """File, line, key, what is wrong, and the nearest known word or what to do."""
    found = faults(text)

    assert len(found) == 1
    assert found[0].startswith(f"a/models.toml:{begins}")
    assert holds in found[0]
    assert "\n" not in found[0]


def test_all_faults_of_all_catalogs_are_told_at_once(faults):
    """Nobody corrects one line and starts again to meet the next."""
    one = HEAD + 'titel = "x"\ngated = 3\n[[model.file]]\nsize = "big"\nmin_size = "bigger"\n'
    two = '[[model]]\nname = "X"\nlayout = "foldr"\nneeds = ["tinny"]\nenabled_by = ["A="]\nfolder = "${NOPE}"\n'

    found = faults(one, "= broken", two)

    assert [line.split(": ")[0] + " " + line.split(": ")[1] for line in found] == [
        "b/models.toml:1 column 1",
        "a/models.toml:4 titel",
        "a/models.toml:5 gated",
        "a/models.toml:6 path",
        "a/models.toml:7 size",
        "a/models.toml:8 min_size",
        "c/models.toml:1 source",
        "c/models.toml:2 name",
        "c/models.toml:3 layout",
        "c/models.toml:4 needs",
        "c/models.toml:5 enabled_by",
    ]


def test_the_error_is_one_line_a_fault_and_exit_4(read):
    """The command line prints it as it is."""
    with pytest.raises(errors.CatalogFaults) as caught:
        read(HEAD + "gated = 1\ntags = 2\n")

    assert str(caught.value).count("\n") == 1
    assert caught.value.exit_code == 4


def test_a_name_that_stands_twice_tells_both_places(faults):
    """Names are unique over all catalogs, and the second place alone would be a riddle."""
    found = faults("\n" + HEAD, HEAD)

    assert found == [
        "b/models.toml:2: name: 'tiny' is already the model at a/models.toml:2; expected a name of its own: rename one"
    ]


def test_a_long_value_is_cut(faults):
    """One line stays one line."""
    (found,) = faults(FILE + f'sha256 = "{"a" * 5000}"\n')

    assert len(found) < 250


def test_a_value_over_several_lines_stays_on_one(faults):
    """A newline in a value must not look like a second fault."""
    (found,) = faults(HEAD + "layout = '''a\nb'''\n")

    assert found.startswith("a/models.toml:4: layout: 'a\\nb' is no known layout")


def test_a_required_model_says_why_it_needs_the_variable(faults):
    """The reader may rather turn the switch off."""
    text = HEAD + 'folder = "${A_DIR}/${B_DIR}"\nenabled_by = ["A"]\n'

    (found,) = faults(text, environ={"A": "1"})

    assert "needs A_DIR and B_DIR, not set here, for a required model (A=1)" in found


def test_a_model_that_is_required_by_name_or_need_must_have_its_folder(faults):
    """--require and needs make a model required as a switch does."""
    off = HEAD + 'folder = "${NOPE}"\nenabled_by = ["A"]\n'
    needing = '[[model]]\nname = "top"\nsource = "hf:a/b"\nneeds = ["tiny"]\n'

    assert "required by --require ti*" in faults(off, require=["ti*"])[0]
    assert "needed by top" in faults(off, needing)[0]


def test_a_switch_that_makes_no_sense_makes_no_second_fault(faults):
    """Whether the model is required is then not known, so its folder is not asked for."""
    found = faults(HEAD + 'folder = "${NOPE}"\nenabled_by = ["A="]\n')

    assert [line.split(": ")[1] for line in found] == ["enabled_by"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        pytest.param(b"\xef\xbb\xbf[[model]]\n", "x.toml:1: starts with a byte order mark", id="byte order mark"),
        pytest.param(b'# ok\ntitle = "\xe9"\n', "x.toml:2: byte 0xe9 is not UTF-8", id="Latin-1"),
        pytest.param("[[model]]\n".encode("utf-16"), "x.toml:1: byte 0xff is not UTF-8", id="UTF-16"),
    ],
)
def test_a_text_in_another_encoding_is_told(tmp_path, content, line):
    """Editors on other systems save such files."""
    (tmp_path / "x.toml").write_bytes(content)

    with pytest.raises(errors.CatalogFaults, match=line):
        catalog.read([tmp_path / "x.toml"], environ={}, cwd=tmp_path)


def test_a_catalog_that_is_not_there_is_told(tmp_path):
    """A mistyped path must not mean "nothing required"."""
    (tmp_path / "empty").mkdir()
    paths = [tmp_path / "nope.toml", tmp_path / "empty", tmp_path / "nope.toml"]

    with pytest.raises(errors.CatalogFaults) as caught:
        catalog.read(paths, environ={}, cwd=tmp_path.parent)

    name = tmp_path.name
    assert caught.value.faults == (
        f"{name}/nope.toml: cannot be read: no such file or directory; expected TOML, or a folder of it: see --catalog",
        f"{name}/empty: holds no *.toml; expected a catalog: write one, or see --catalog",
    )


def test_a_folder_that_cannot_be_listed_is_told(tmp_path, monkeypatch):
    """Permission denied is told, as root too, where only a fault of the disk could cause it."""

    def deny(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.iterdir", deny)

    with pytest.raises(errors.CatalogFaults, match="cannot be read: permission denied"):
        catalog.read([tmp_path], environ={}, cwd=tmp_path)


def test_no_path_at_all_is_told(tmp_path):
    """Nothing empty passes."""
    with pytest.raises(errors.CatalogFaults, match="--catalog: names no catalog"):
        catalog.read([], environ={}, cwd=tmp_path)


def test_importing_the_catalog_does_not_import_pydantic():
    """The command line has to answer --help at once."""
    code = "import modelready.catalog, modelready.lock, sys; sys.exit('pydantic' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", code], check=False, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )

    assert done.returncode == 0
