"""``${VAR}`` and ``${VAR:-default}``."""

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelready import expansion

NAMES = st.sampled_from(["A", "B", "MODELS_DIR"])
PLAIN = st.text(alphabet="ab/._- ", max_size=5)
VARIABLES = st.recursive(
    st.builds("${{{}}}".format, NAMES),
    lambda inner: st.builds("${{{}:-{}}}".format, NAMES, st.builds("{}{}".format, PLAIN, inner)),
    max_leaves=3,
)
TEXTS = st.lists(PLAIN | VARIABLES | st.builds("${{{}:-{}}}".format, NAMES, PLAIN), max_size=4).map("".join)
ENVIRONMENTS = st.dictionaries(NAMES, st.text(alphabet="xy/${}", max_size=6))


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        pytest.param("/plain", "/plain", id="nothing to do"),
        pytest.param("${A}/x", "one/x", id="set"),
        pytest.param("${NOPE:-/else}/x", "/else/x", id="default"),
        pytest.param("${EMPTY:-/else}", "/else", id="empty counts as unset"),
        pytest.param("${A:-/else}", "one", id="default not needed"),
        pytest.param("${NOPE:-${A}/y}/z", "one/y/z", id="default in a default"),
        pytest.param("${NOPE:-}x", "x", id="empty default"),
        pytest.param("${ODD}", "${A}", id="a value is not read again"),
        pytest.param("$A {A} a}b $", "$A {A} a}b $", id="only braces after a dollar count"),
    ],
)
def test_variables_are_replaced(text, expanded):
    """Catalogs are shared between machines whose folders differ."""
    environ = {"A": "one", "EMPTY": "", "ODD": "${A}"}

    assert expansion.expand(text, environ) == expanded


@pytest.mark.parametrize(
    "text", ["${", "${}", "${A", "${A:-x", "${1A}", "${A-x}", "${A:x}", "${A }", "x${A:-${B}", "${A:-" * 60]
)
def test_a_malformed_variable_is_refused(text):
    """A folder called "${MODELS_DIR" would otherwise be made."""
    with pytest.raises(ValueError, match="expected"):
        expansion.parse(text)


def test_the_variables_that_are_missing_are_named_once():
    """The message tells what to set."""
    missing = expansion.unset("${A}/${B}/${A}/${C:-${D}}/${E:-x}", {"B": "1"})

    assert missing == ["A", "D"]


def test_what_is_missing_cannot_be_expanded():
    """Nobody gets a folder with a hole in its name."""
    with pytest.raises(KeyError, match="A"):
        expansion.expand("${A}/x", {"A": ""})


@pytest.mark.skipif(shutil.which("sh") is None, reason="no shell to ask")
@settings(max_examples=30)
@given(st.lists(st.tuples(TEXTS, ENVIRONMENTS), min_size=10, max_size=30))
def test_a_shell_would_expand_it_the_same_way(cases):
    """People know these forms from their shell, so the shell is the judge."""
    texts = [(text, environ) for text, environ in cases if not expansion.unset(text, environ)]
    script = "".join(f'{_assigned(environ)}printf "%s\\n" "{text}"\n' for text, environ in texts)

    told = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, env={}).stdout

    assert told.split("\n")[:-1] == [expansion.expand(text, environ) for text, environ in texts]


def _assigned(environ):
    return "unset A B MODELS_DIR\n" + "".join(f"{name}='{value}'\n" for name, value in environ.items())
