"""Two models that would write one path."""

import pytest


@pytest.fixture
def two(faults, read):
    """Give a function that reads two models, each told as rows of TOML after its name."""

    def two(one, other, *, is_fine=False):
        text = f'[[model]]\nname = "one"\n{one}\n[[model]]\nname = "other"\n{other}\n'
        return read(text) if is_fine else faults(text)

    return two


SHA = "\n[[model.file]]\npath = {!r}\nsha256 = '{}'\n"


@pytest.mark.parametrize(
    ("one", "other", "line", "why"),
    [
        pytest.param(
            "source = 'https://h/a/x.bin'\nfolder = 'm'",
            "source = 'https://h/b/x.bin'\nfolder = './m'",
            "8: folder: 'x.bin' would be written to",
            "the sources differ",
            id="two URLs",
        ),
        pytest.param(
            "source = 'hf:a/b'\nlayout = 'folder'\nfolder = 'm'\ninclude = ['ae.bin']",
            "source = 'hf:a/c'\nlayout = 'folder'\nfolder = 'm'\ninclude = ['*', 'ae.bin']",
            "11: folder: 'ae.bin' would",
            "the sources differ",
            id="two repositories",
        ),
        pytest.param(
            "source = 'hf:a/b@v1'\nlayout = 'folder'\nfolder = 'm'\ninclude = ['ae.bin']",
            "source = 'hf:a/b@v2'\nlayout = 'folder'\nfolder = 'm'\ninclude = ['ae.bin']",
            "11: folder: 'ae.bin' would",
            "the sources differ",
            id="two revisions",
        ),
        pytest.param(
            "source = 'https://h/x'\nfolder = 'm'" + SHA.format("x", "a" * 64),
            "source = 'https://h/x'\nfolder = 'm'" + SHA.format("x", "b" * 64),
            "14: path: 'x' would",
            "the digests differ",
            id="two digests",
        ),
        pytest.param(
            "source = 'https://h/x'\nfolder = 'm'\n[[model.file]]\npath = 'x'\nsize = 1",
            "source = 'https://h/x'\nfolder = 'm'\n[[model.file]]\npath = 'x'\nsize = 2",
            "13: path: 'x' would",
            "the sizes differ",
            id="two sizes",
        ),
        pytest.param(
            "source = 'https://h/x'\nfolder = 'm'",
            "source = 'https://h/y'\nfolder = 'm/sub'\n[[model.file]]\npath = 'y'\nsave_as = 'x'\n"
            "[[model]]\nname = 'third'\nsource = 'https://h/sub'\nfolder = 'm'",
            "15: folder: 'sub' would",
            "one needs a file there, the other a folder",
            id="a file where a folder is needed",
        ),
        pytest.param(
            "source = 'https://h/sub'\nfolder = 'm'",
            "source = 'https://h/y'\nfolder = 'm/sub'",
            "8: folder: 'y' would",
            "one needs a file there, the other a folder",
            id="a folder where a file is needed",
        ),
        pytest.param(
            "source = 'https://h/x'\nfolder = 'models/other'",
            "source = 'https://g/y'\n[[model.file]]\npath = 'y'\nsave_as = 'x'",
            "10: save_as: 'y' would",
            "the sources differ",
            id="save_as, and a folder by default",
        ),
        pytest.param(
            "source = 'https://h/x'\nfolder = 'models/other'",
            "source = 'https://g/x'",
            "6: name: 'x' would",
            "the sources differ",
            id="folder by default",
        ),
    ],
)
def test_two_models_that_would_write_one_path_differently_are_told(two, one, other, line, why):
    """The later download would break the model that came first."""
    (found,) = two(one, other)

    assert found.startswith(f"a/models.toml:{line}")
    assert f": {why}" in found
    assert found.endswith("; expected one writer: change folder or save_as")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("source = 'https://h/x'\nfolder = 'm'", "source = 'https://h/x'\nfolder = 'm'", id="one source"),
        pytest.param(
            "source = 'https://h/x'\nfolder = 'm'" + SHA.format("x", "a" * 64),
            "source = 'https://g/x'\nfolder = 'm'" + SHA.format("x", "A" * 64),
            id="one digest from two sources",
        ),
        pytest.param("source = 'hf:a/b'\ninclude = ['x']", "source = 'hf:a/c'\ninclude = ['x']", id="a Hub cache"),
        pytest.param(
            "source = 'https://h/x'\nfolder = 'm'",
            "source = 'https://g/x'\nfolder = 'm'\n[[model.file]]\npath = '*'\nname_from = 'content-disposition'",
            id="a name only the server knows",
        ),
        pytest.param(
            "source = 'https://h/x'\nfolder = 'm'",
            "source = 'https://g/x'\nfolder = '${NOPE}'\nenabled_by = ['A']",
            id="a folder nobody knows yet",
        ),
    ],
)
def test_models_may_share_a_path_if_the_bytes_are_the_same(two, one, other):
    """A text encoder that two models bring is one file."""
    assert len(two(one, other, is_fine=True).models) == 2


def test_two_rows_of_one_model_may_not_be_saved_as_one_file(faults):
    """The same mistake inside one model."""
    rows = "".join(f"[[model.file]]\npath = '{name}'\nsave_as = 'z'\n" for name in "xy")

    (found,) = faults('[[model]]\nname = "tiny"\nsource = "hf:a/b"\nlayout = "folder"\n' + rows)

    assert found.startswith("a/models.toml:10: save_as: 'y' would be written to")


def test_a_name_that_stands_twice_is_not_told_as_a_clash_too(faults):
    """One mistake, one line."""
    text = '[[model]]\nname = "tiny"\nsource = "https://h/x.bin"\n'

    found = faults(text, text.replace("//h/", "//g/"))

    assert [line.split(": ")[1] for line in found] == ["name"]
