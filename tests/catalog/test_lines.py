"""On which line a key of a TOML text stands."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelready import catalog_lines

TRAPS = '''# [[model]]
title = """
[[model]]
name = "not this one"
""""
"quoted.key".'an other' = [  # a comment, with ] and "
    "[[model]]",
    { a = 1, b = [ 'x]', 2 ] },
]
when = 1979-05-27 07:32:00

[[model]]
name = 'one'
include = [
    "a",  # [[model.file]]

    """b\\"""",
]
[[model.file]]
path = 1.5e3
  [[ model . file ]]
  "path" = \'\'\'
name = "no"\'\'\'\'\'
[model.extra]
deep.er = {}
[[model]]
[[model.file]]
size = 1
'''


@pytest.mark.parametrize(
    ("location", "line"),
    [
        (("title",), 2),
        (("quoted.key", "an other"), 6),
        (("quoted.key", "an other", 0), 7),
        (("quoted.key", "an other", 1, "b"), 8),
        (("quoted.key", "an other", 1, "b", 1), 8),
        (("when",), 10),
        (("model",), 12),
        (("model", 0), 12),
        (("model", 0, "name"), 13),
        (("model", 0, "include", 0), 15),
        (("model", 0, "include", 1), 17),
        (("model", 0, "file", 0), 19),
        (("model", 0, "file", 0, "path"), 20),
        (("model", 0, "file", 1), 21),
        (("model", 0, "file", 1, "path"), 22),
        (("model", 0, "extra"), 24),
        (("model", 0, "extra", "deep", "er"), 25),
        (("model", 1), 26),
        (("model", 1, "file", 0, "size"), 28),
    ],
)
def test_each_key_is_found_where_it_stands(location, line):
    """Strings, comments and arrays over several lines must not lead a fault to the wrong line."""
    tomllib.loads(TRAPS)

    assert catalog_lines.find(TRAPS)[location] == line


def test_nothing_is_found_in_nothing():
    """An empty catalog has no keys."""
    assert catalog_lines.find("") == {}


KEYS = st.sampled_from(["a", "b-1", '"c.d"', "'e f'", '"\\u0041"'])
STRINGS = st.sampled_from(
    ['""', "''", '"a # b"', "'[x]'", '"""\n[[m]]\n"""', "'''a\n''b'''", '"""q\\"""""', '"\\\\"', '""""x""""']
)
SCALARS = STRINGS | st.sampled_from(["1", "-1.5e3", "true", "1979-05-27T07:32:00Z", "07:32:00.5", "0xff", "inf"])
SPACE = st.sampled_from(["", "\n", " # ] [ ' \"\n", "\n\n  "])


def arrays(values):
    """Arrays may hold comments, newlines and a last comma."""
    element = st.builds("{}{}{}".format, SPACE, values, SPACE)
    return st.builds("[{}{}]".format, st.lists(element, max_size=3).map(",".join), SPACE)


def tables(values):
    """Inline tables stand on one line, but for the strings and arrays in them."""
    pairs = st.dictionaries(KEYS, values, max_size=3)
    return pairs.map(lambda pairs: "{" + ", ".join(f"{key} = {value}" for key, value in pairs.items()) + "}")


VALUES = st.recursive(SCALARS, lambda inner: arrays(inner) | tables(inner), max_leaves=6)
BODIES = st.dictionaries(KEYS, VALUES, max_size=3).map(
    lambda pairs: "".join(f"{key} = {value}  # {key}\n" for key, value in pairs.items())
)
DOCUMENTS = st.lists(st.tuples(st.sampled_from(["[[m]]", "[[m.f]]", "[ [m.f]]"]), BODIES), max_size=5)


def locations(value, prefix=()):
    """Give the location of everything in a parsed document."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield (*prefix, key)
        yield from locations(inner, (*prefix, key))


@given(BODIES, DOCUMENTS)
def test_every_key_that_tomllib_sees_is_found(head, rows):
    """The reader of lines keeps step with the real parser, whatever valid TOML it meets."""
    text = head + "[[m]]\n" + "".join(f"{header.replace('[ [', '[[')}\n{body}" for header, body in rows)
    document = tomllib.loads(text)

    found = catalog_lines.find(text)

    assert set(found) == set(locations(document))
    assert all(1 <= line <= text.count("\n") + 1 for line in found.values())


@given(BODIES, st.lists(BODIES, min_size=1, max_size=4))
def test_every_row_is_found_on_its_own_line(head, bodies):
    """The n-th [[m]] of the text is the n-th of the document."""
    text, expected = head, []
    for body in bodies:
        expected.append(text.count("\n") + 1)
        text += f"[[m]]\n{body}"

    found = catalog_lines.find(text)

    assert [found["m", index] for index in range(len(bodies))] == expected
