"""Which models this machine requires, and why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelready import switches
from modelready.errors import RequestError
from modelready.model import Model, Source


@pytest.fixture
def decide(a_model):
    """Give a function that decides on models told as name=(enabled_by, needs)."""

    def decide(environ=None, require=(), **models):
        named = [a_model(name, enabled_by=lines, needs=needs) for name, (lines, needs) in models.items()]
        return switches.decide(named, environ or {}, require)

    return decide


@pytest.mark.parametrize(
    ("line", "environ", "is_on"),
    [
        pytest.param("A", {}, False, id="not set"),
        pytest.param("A", {"A": ""}, False, id="empty"),
        pytest.param("A", {"A": "TRUE"}, True, id="in capitals"),
        pytest.param("A", {"A": "1"}, True, id="one"),
        pytest.param("A", {"A": " Yes "}, True, id="spaces around"),
        pytest.param("A", {"A": "on"}, True, id="on"),
        pytest.param("A", {"A": "off"}, False, id="off"),
        pytest.param("A|B", {"B": "true"}, True, id="either"),
        pytest.param("A | B", {"A": "no", "B": "no"}, False, id="neither"),
        pytest.param("A=x|y", {"A": "y"}, True, id="one of the values"),
        pytest.param("A=x|y", {"A": "Y"}, False, id="values keep their case"),
        pytest.param("A=x|y", {}, False, id="no value"),
        pytest.param("A:-x=x|y", {}, True, id="default"),
        pytest.param("A:-x=x|y", {"A": ""}, True, id="default for empty"),
        pytest.param("A:-z=x|y", {}, False, id="default that is not among the values"),
        pytest.param("A:-x=x|y", {"A": "z"}, False, id="value instead of the default"),
        pytest.param("QWEN_TTS_SIZE:-both=1.7B|both", {}, True, id="as in the manual"),
        pytest.param("A:-true=true", {}, True, id="on until it is off"),
        pytest.param("A:-true=true", {"A": "Off"}, False, id="off"),
        pytest.param("A:-true=true", {"A": "1"}, True, id="on in another word"),
        pytest.param("A:-true=true", {"A": "maybe"}, False, id="neither"),
        pytest.param("A=false", {"A": "0"}, True, id="wanted where it is off"),
        pytest.param("A=1|2", {"A": "true"}, False, id="a number is no word for true"),
    ],
)
def test_a_line_holds_or_not(line, environ, is_on):
    """The four forms of a line, as a shell script would read them."""
    assert switches.parse(line).is_on(environ) == is_on


@pytest.mark.parametrize(
    "line",
    ["", "A=", "A=|", "=x", "A|", "|A", "A||B", "A|B=x", "A:-", "A:-x", "A:-=x", "1A", "A B", "A-B", "A=x y", "A=x||y"],
)
def test_what_is_no_switch_is_refused(line):
    """A line that is read wrongly would leave a model out in silence."""
    with pytest.raises(ValueError, match="no switch; expected NAME"):
        switches.parse(line)


@given(
    st.sampled_from(["", "a", "b", "c"]),
    st.sampled_from(["", "a", "b"]),
    st.lists(st.sampled_from("abc"), min_size=1, max_size=3),
)
def test_a_default_stands_for_nothing_and_for_empty(value, default, values):
    """``${NAME:-DEFAULT}`` of a shell, then a comparison."""
    line = f"NAME{default and ':-' + default}={'|'.join(values)}"

    assert switches.parse(line).is_on({"NAME": value}) == ((value or default) in values)


def test_a_model_without_a_switch_is_always_required(decide):
    """Nothing in the environment is needed for the starter."""
    decision = decide(tiny=((), ()))["tiny"]

    assert decision == switches.Decision(is_required=True, because="always required")


def test_every_line_must_hold(decide):
    """Two lines are an and, a bar is an or."""
    both = decide({"A": "1", "B": "x"}, tiny=(("A", "B=x|y"), ()))["tiny"]
    one = decide({"A": "1", "B": "y"}, tiny=(("A", "B=x"), ()), other=(("B=y",), ()))["tiny"]

    assert both == switches.Decision(is_required=True, because="A=1 and B=x", variables=("A", "B"))
    assert one == switches.Decision(is_required=False, because="B=y: set B=x", variables=("B",))


@pytest.mark.parametrize(
    ("line", "environ", "because"),
    [
        ("ENABLE_QWEN_TTS", {}, "ENABLE_QWEN_TTS is not set: set ENABLE_QWEN_TTS=true"),
        ("A|B", {"B": "no"}, "A is not set, B=no: set A=true or B=true"),
        ("SIZE:-small=big|both", {}, "SIZE is not set (so it is small): set SIZE=big or SIZE=both"),
    ],
)
def test_what_would_turn_a_model_on_is_told(decide, line, environ, because):
    """Exit 5 and every skip say which variable to set."""
    assert decide(environ, tiny=((line,), ()))["tiny"].because == because


def test_a_default_that_decides_is_told(decide):
    """Nobody set the variable, so its name alone would puzzle."""
    assert decide(tiny=(("SIZE:-both=both",), ()))["tiny"].because == "SIZE is not set (so it is both)"


@pytest.mark.parametrize(
    ("lines", "environ", "message"),
    [
        pytest.param(
            ("TIER=consumer|datacenter",),
            {"TIER": "consumr"},
            "TIER=consumr: no catalog names this value; expected one of consumer, datacenter; did you mean 'consumer'?",
            id="typing mistake",
        ),
        pytest.param(("TIER:-all=big",), {"TIER": "bog"}, "expected one of big, all", id="the default is known"),
        pytest.param(("A",), {"A": "maybe"}, "expected one of true, 1, yes, on, false, 0, no, off", id="boolean"),
        pytest.param(("A|B",), {"B": "2"}, "B=2: no catalog names this value", id="either"),
        pytest.param(("A", "A=big"), {"A": "small"}, "on, false, 0, no, off, big", id="boolean and valued"),
        pytest.param(
            ("A:-true=true",), {"A": "maybe"}, "one of true, 1, yes, on, false, 0, no, off", id="on until off"
        ),
    ],
)
def test_a_value_that_no_catalog_names_is_refused(decide, lines, environ, message):
    """A mistyped value must not leave models out in silence."""
    with pytest.raises(RequestError, match="no catalog names") as caught:
        decide(environ, tiny=(lines, ()))

    assert message in str(caught.value)
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("value", ["", "  ", "OFF", "False", "0", "no", "on", "big"])
def test_values_that_some_line_names_are_accepted(decide, value):
    """What another model calls by its name is no mistake."""
    decisions = decide({"A": value}, tiny=(("A",), ()), other=(("A=big",), ()))

    assert decisions["tiny"].is_required == (value == "on")
    assert decisions["other"].is_required == (value == "big")


@pytest.mark.parametrize("value", ["false", "NO", "0", "off", "", "true", "on"])
def test_a_switch_that_is_on_until_it_is_off_takes_every_word(decide, value):
    """``ENABLE_X=false`` in an env file is no mistake, though the catalog says ``true`` only."""
    decision = decide({"A": value}, tiny=(("A:-true=true",), ()))["tiny"]

    assert decision.is_required == (value in {"", "true", "on"})
    assert decision.variables == ("A",)


def test_every_wrong_value_and_glob_is_told_at_once(decide):
    """Correcting one mistake should not reveal the next."""
    with pytest.raises(RequestError) as caught:
        decide({"A": "x", "B": "y"}, ["nope*"], tiny=(("A", "B"), ()))

    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == ["A=x", "B=y", "--require nope*"]


def test_require_turns_models_on_by_name(decide):
    """A machine may want a model whatever the switches say."""
    decisions = decide(require=["qwen-*"], **{"qwen-a": (("A",), ()), "flux": (("A",), ())})

    assert decisions["qwen-a"] == switches.Decision(is_required=True, because="required by --require qwen-*")
    assert not decisions["flux"].is_required


def test_a_glob_that_matches_no_model_names_the_nearest(decide):
    """--require is a promise: what it names must be there."""
    with pytest.raises(RequestError, match=r"--require qwen-tss: no model .* did you mean 'qwen-tts'\?"):
        decide(require=["qwen-tss"], **{"qwen-tts": (("A",), ()), "flux": ((), ())})


def test_a_long_list_of_models_is_cut(decide):
    """The message stays on the screen with 1,000 models."""
    with pytest.raises(RequestError, match=r"m019, …$"):
        decide(require=["zzz"], **{f"m{number:03}": ((), ()) for number in range(30)})


def test_what_a_required_model_needs_is_required_too(decide):
    """A text encoder is needed whatever its own switch says, through any number of steps."""
    decisions = decide(
        {"A": "1", "C": "false"},
        top=(("A",), ("middle",)),
        middle=(("B",), ("bottom",)),
        bottom=(("C",), ()),
        other=(("C",), ("bottom",)),
    )

    assert decisions["middle"].because == "needed by top"
    assert decisions["bottom"] == switches.Decision(is_required=True, because="needed by middle", variables=("A",))
    assert not decisions["other"].is_required


def test_models_may_need_each_other(decide):
    """A cycle is no reason to hang."""
    decisions = decide({"A": "1"}, one=(("A",), ("two",)), two=(("B",), ("one", "two")))

    assert all(decision.is_required for decision in decisions.values())


@given(
    st.lists(st.tuples(st.booleans(), st.sets(st.integers(0, 5))), min_size=6, max_size=6),
)
def test_exactly_what_is_reached_is_required(graph):
    """No graph of needs requires too much or too little."""
    models = [
        Model(
            f"m{number}",
            Source("hf:a/b", "hf", "a/b"),
            "hub-cache",
            enabled_by=() if is_on else ("OFF",),
            needs=tuple(f"m{need}" for need in sorted(needs)),
        )
        for number, (is_on, needs) in enumerate(graph)
    ]
    reached = {number for number, (is_on, _) in enumerate(graph) if is_on}
    while more := {need for number in reached for need in graph[number][1]} - reached:
        reached |= more

    decisions = switches.decide(models, {})

    assert {name for name, decision in decisions.items() if decision.is_required} == {f"m{one}" for one in reached}


def test_globs_of_the_option_stand_before_those_of_the_environment():
    """As with --catalog: what was typed just now wins."""
    environ = {"MODELREADY_REQUIRE": "a*, b  c,"}

    assert switches.required_globs(["x"], environ) == ("x",)
    assert switches.required_globs([], environ) == ("a*", "b", "c")
    assert switches.required_globs([], {}) == ()


@pytest.mark.parametrize(
    ("given", "environ", "told"),
    [
        (["nosuch"], {}, "--require nosuch: no model has such a name"),
        ([], {"MODELREADY_REQUIRE": "nosuch"}, "MODELREADY_REQUIRE=nosuch: no model has such a name"),
    ],
    ids=["option", "variable"],
)
def test_a_glob_without_a_model_is_told_where_it_stood(given, environ, told):
    """Who set a variable long ago looks there, and not on the command line."""
    models = [Model("tiny", Source("hf:a/b", "hf", "a/b"), "hub-cache")]
    globs = switches.required_globs(given, environ)

    with pytest.raises(RequestError, match=told):
        switches.decide(models, environ, globs, named_by=switches.named_by(given))


def test_why_a_model_is_required_names_the_variable():
    """The same."""
    models = [Model("tiny", Source("hf:a/b", "hf", "a/b"), "hub-cache", enabled_by=("OFF",))]

    decisions = switches.decide(models, {}, ["t*"], named_by=switches.named_by([]))

    assert decisions["tiny"].because == "required by MODELREADY_REQUIRE=t*"
