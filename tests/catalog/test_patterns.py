"""Patterns over paths, and paths that stay in their folder."""

from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from huggingface_hub.utils import filter_repo_objects
from hypothesis import given
from hypothesis import strategies as st

from modelready import patterns

PARTS = st.text(alphabet="abA.-_1", min_size=1, max_size=4)
PATHS = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
GLOBS = st.text(alphabet="abA.-_1/*?[]!", min_size=1, max_size=8)


@given(PATHS, GLOBS)
def test_a_pattern_means_what_fnmatch_means(path, pattern):
    """One kind of pattern everywhere; a slash at the end is everything below."""
    expected = fnmatchcase(path, f"{pattern}*" if pattern.endswith("/") else pattern) or path == pattern

    assert patterns.matches(path, [pattern]) == expected


@given(st.lists(PATHS, unique=True, max_size=8), st.lists(GLOBS, max_size=3), st.lists(GLOBS, max_size=3))
def test_what_is_selected_is_what_huggingface_hub_would_download(paths, include, exclude):
    """A catalog's include and exclude can be copied from allow_patterns and ignore_patterns."""
    # A path that is itself a pattern is taken literally too, which fnmatch would not do.
    expected = list(filter_repo_objects(paths, allow_patterns=include or None, ignore_patterns=exclude))

    assert patterns.select(paths, include, exclude) == expected


@given(st.lists(PATHS, max_size=6), st.lists(GLOBS, max_size=4))
def test_patterns_without_a_match_are_named(paths, globs):
    """A pattern that matches nothing is a mistake of the catalog, so it has to be found."""
    expected = [glob for glob in globs if not any(patterns.matches(path, [glob]) for path in paths)]

    assert patterns.unmatched(globs, iter(paths)) == expected


def test_letters_keep_their_case():
    """A Hub and a Linux folder tell README.md from readme.md."""
    assert not patterns.matches("README.md", ["readme.*"])


@pytest.mark.parametrize(
    ("pattern", "is_literal"), [("a/b.bin", True), ("*.bin", False), ("a/", False), ("[ab]", False)]
)
def test_a_literal_can_only_mean_one_path(pattern, is_literal):
    """What is named exactly is required even where nothing else is known."""
    assert patterns.is_literal(pattern) == is_literal


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("", id="nothing"),
        pytest.param("/etc/passwd", id="absolute"),
        pytest.param("../x", id="parent"),
        pytest.param("a/../../x", id="parent later"),
        pytest.param("a/..", id="parent at the end"),
        pytest.param("./x", id="dot"),
        pytest.param("a//b", id="empty part"),
        pytest.param("a/", id="empty at the end"),
        pytest.param("a\\..\\b", id="backslash"),
        pytest.param("C:x", id="drive"),
        pytest.param("c:/x", id="drive with a root"),
        pytest.param("a\0b", id="NUL"),
        pytest.param("a\nb", id="newline"),
        pytest.param("a\x7f", id="delete"),
        pytest.param("a\udcff", id="no text"),
        pytest.param("CON", id="device"),
        pytest.param("x/nul.txt", id="device with an extension"),
        pytest.param("com1", id="port"),
        pytest.param("aux .bin", id="device and a space"),
        pytest.param("a./b", id="dot at the end of a part"),
        pytest.param("a ", id="space at the end"),
        pytest.param("...", id="only dots"),
    ],
)
def test_a_path_that_could_leave_its_folder_is_refused(path):
    """Paths come from servers and from strangers' catalogs."""
    with pytest.raises(ValueError, match="expected a path inside its folder"):
        patterns.safe_relative(path)


@pytest.mark.parametrize(
    "path", ["a", "a/b.c", ".gitattributes", "a..b", "console", "com10x", "ä/日本 x.bin", "ab:c", "1_P/c"]
)
def test_ordinary_paths_are_accepted(path):
    """What repositories really hold passes unchanged."""
    assert str(patterns.safe_relative(path)) == path


@given(st.text(max_size=12))
def test_a_safe_path_stays_below_where_it_is_joined(path):
    """Whatever the text: accepted means inside, and written as it was given."""
    root = Path("/models/tiny")

    try:
        safe = patterns.safe_relative(path)
    except ValueError:
        return

    assert root in (root / safe).parents
    assert str(safe) == path
    assert ".." not in safe.parts


@pytest.mark.parametrize("pattern", ["*.json", "a/", "[ab]/*", "**/*.bin"])
def test_patterns_that_can_match_are_accepted(pattern):
    """A slash at the end is a form of pattern, not an empty part."""
    assert patterns.safe_pattern(pattern) == pattern


@pytest.mark.parametrize("pattern", ["", "/", "/a/*", "../*", "./*.json", "a\\*"])
def test_patterns_that_can_match_nothing_are_refused(pattern):
    """A leading ./ would silently select nothing."""
    with pytest.raises(ValueError, match="expected a pattern over paths"):
        patterns.safe_pattern(pattern)


def test_the_nearest_word_is_found_whatever_the_case():
    """A typing mistake should cost one look at one line."""
    assert patterns.nearest("ComfyUI-GUFF", ["mflux", "comfyui", "comfyui-gguf"]) == "comfyui-gguf"


def test_no_word_is_near_a_strange_one():
    """A far-fetched suggestion is worse than none."""
    assert patterns.meant("zzz", ["mflux", "comfyui"]) == ""
