"""Real tokenizers, really loaded, in a process whose sockets are closed."""

import importlib
import io
import json
import socket
import subprocess
import sys

import pytest

from modelready.formats import tokenizer_trial, tokenizers
from modelready.formats.tokenizers import PROMPT

CHAT = "{% for one in messages %}<|{{ one.role }}|>{{ one.content }}{% endfor %}"


@pytest.mark.parametrize(
    ("names", "found"),
    [
        pytest.param(["tokenizer.json", "config.json"], ("tokenizer.json",), id="whole"),
        pytest.param(["vocab.json", "merges.txt"], ("vocab.json", "merges.txt"), id="in two files"),
        pytest.param(["merges.txt"], (), id="merges alone"),
        pytest.param(["spiece.model", "readme.md"], ("spiece.model",), id="sentencepiece"),
        pytest.param(["tokenizer.model.v3"], ("tokenizer.model.v3",), id="a version of Mistral's"),
        pytest.param(["tokenizer.model.vx", "tokenizer_config.json"], (), id="no tokenizer"),
        pytest.param(["tekken.json", "vocab.txt"], ("tekken.json", "vocab.txt"), id="tekken"),
    ],
)
def test_the_files_that_make_a_tokenizer_are_known(names, found):
    """A configuration alone makes none, though transformers would make an empty one of it."""
    assert tokenizers.files_of(names) == found


def test_dangling_links_make_no_tokenizer(tmp_path):
    """What leads nowhere is not there."""
    (tmp_path / "tokenizer.json").symlink_to("nowhere")

    assert tokenizers.files_in(tmp_path) == ()
    assert tokenizers.files_in(tmp_path / "nowhere") == ()


def test_real_tokenizers_encode(tmp_path, whole_tokenizer, split_tokenizer):
    """One start serves all: tokenizer.json alone, two files with a class, a chat template."""
    alone = whole_tokenizer(tmp_path / "alone")
    classed = split_tokenizer(tmp_path / "classed")
    chatting = split_tokenizer(tmp_path / "chatting", chat_template=CHAT)

    told = tokenizers.encode_many([alone, classed, chatting, alone])

    assert [one.fault for one in told] == [""] * 4
    assert [one.loaded_as for one in told[:3]] == ["tokenizers.Tokenizer", "Qwen2Tokenizer", "Qwen2Tokenizer"]
    assert [one.has_chat_template for one in told[:3]] == [False, False, True]
    assert told[0].ids == told[1].ids > 5
    assert told[0] == told[3]


@pytest.fixture
def broken(tmp_path, whole_tokenizer, split_tokenizer):
    """Give folders of tokenizers, each broken in one way, by what is to be said of it."""

    def of(name, damage, make=split_tokenizer, **config):
        damage(make(tmp_path / name, **config))
        return tmp_path / name

    def drop(*names):
        return lambda folder: [(folder / name).unlink() for name in names]

    def cut(name):
        return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:100])

    def add(name, content):
        return lambda folder: (folder / name).write_text(json.dumps(content))

    def forget(*letters):
        def damage(folder):
            words = json.loads((folder / "vocab.json").read_text())
            (folder / "vocab.json").write_text(json.dumps({one: n for one, n in words.items() if one not in letters}))
            (folder / "merges.txt").write_text("#version: 0.2\n")

        return damage

    own = {"auto_map": {"AutoTokenizer": ["tokenization_x.X", None]}, "tokenizer_class": "X"}
    return {
        "merges.txt is not there": of("no merges", drop("merges.txt")),
        "tokenizer_config.json is not there": of("no config", drop("tokenizer_config.json")),
        "no tokenizer file lies here": of("no vocabulary", drop("vocab.json", "merges.txt")),
        "EOF while parsing": of("cut", cut("tokenizer.json"), whole_tokenizer),
        "JSONDecodeError": of("cut config", cut("tokenizer_config.json"), name_or_path="x" * 200),
        "chat template fails": of("bad template", lambda _: None, chat_template="{{ raise_exception('no') }}"),
        "gives nothing": of("empty template", lambda _: None, chat_template="{# nothing #}"),
        "BertTokenizer reads vocab.txt, not there": of(
            "other class", add("tokenizer_config.json", {"tokenizer_class": "BertTokenizer"})
        ),
        "code of its own": of("own code", add("tokenizer_config.json", own)),
        "decodes it to": of("letters lost", forget("a", "t")),
    }


def test_every_broken_tokenizer_is_told(broken):
    """A tokenizer that loads may still not encode; and all are told though the first is broken."""
    told = tokenizers.encode_many([*broken.values()])

    assert [(words, one.fault) for words, one in zip(broken, told, strict=True) if words not in one.fault] == []


def test_code_of_the_model_is_never_run(tmp_path, whole_tokenizer):
    """tokenizer.json can be read without it; what it would have done is not our matter."""
    folder = whole_tokenizer(tmp_path / "own")
    ran = tmp_path / "ran"
    (folder / "tokenization_x.py").write_text(f"open({str(ran)!r}, 'w')\nclass X: pass\n")
    config = {"auto_map": {"AutoTokenizer": [None, "tokenization_x.X"]}, "tokenizer_class": "X"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))

    told = tokenizers.encode(folder)

    assert (told.fault, told.loaded_as, ran.exists()) == ("", "tokenizers.Tokenizer", False)


def test_what_cannot_be_tried_says_which_package_it_needs(write, monkeypatch):
    """Nothing is passed that could not be looked at, and nobody is sent to mend a good file."""
    monkeypatch.setattr(tokenizers.importlib.util, "find_spec", _not_installed)

    told = [tokenizers.encode(write(f"{name}/{name}").parent).fault for name in ("spiece.model", "tekken.json")]

    assert told == [
        "cannot be tried here: spiece.model needs sentencepiece and protobuf, not installed",
        "cannot be tried here: tekken.json needs mistral-common, not installed",
    ]


def _not_installed(name):
    if "." in name:
        raise ModuleNotFoundError(name)


def test_a_broken_vocabulary_file_is_told(write, monkeypatch):
    """A sentencepiece model is left to the library that reads it."""
    monkeypatch.setattr(tokenizers, "_is_installed", lambda _: True)

    told = tokenizers.encode(write("spiece.model", b"\0\1\2").parent)

    assert told.fault


# ---- the process


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Let another program answer for tokenizers."""

    def program(text):
        (tmp_path / "tokenizer_trial.py").write_text(text)
        monkeypatch.setattr(tokenizers, "__file__", str(tmp_path / "tokenizers.py"))
        # A program that is killed leaves half a file of measurements.
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)

    return program


ANSWER = """
import json, os, sys, time
work = json.load(sys.stdin)
def answer(**told):
    print(json.dumps({"loaded_as": "X", "ids": 1, "has_chat_template": False, "fault": ""} | told), flush=True)
"""


@pytest.mark.parametrize(
    ("act", "words"),
    [
        pytest.param("os.abort()", "ended with signal 6", id="crash"),
        pytest.param("os._exit(7)", "ended with exit code 7", id="exit"),
        pytest.param("print('{', end='', flush=True); os._exit(7)", "ended with exit code 7", id="half an answer"),
        pytest.param("time.sleep(600)", "did not load within 1 s", id="hangs"),
    ],
)
def test_one_that_crashes_or_hangs_costs_the_others_nothing(tmp_path, whole_tokenizer, program, act, words):
    """A library may crash on a broken file; the verdict on the next one must not depend on it."""
    folders = [whole_tokenizer(tmp_path / name) for name in ("good", "bad", "well")]
    program(f"{ANSWER}\nfor one in work['folders']:\n    if one.endswith('bad'): {act}\n    answer()\n")

    told = tokenizers.encode_many(folders, timeout_s=1 if "sleep" in act else 60)

    assert [one.folder for one in told] == folders
    assert words in told[1].fault
    assert (told[0].fault, told[2].fault) == ("", "")


def test_a_process_that_never_listens_is_told(tmp_path, whole_tokenizer, program):
    """A Python that does not even start."""
    folder = whole_tokenizer(tmp_path / "tokenizer")
    program("import os; os.close(0); os._exit(3)")

    told = tokenizers.encode_many([folder], PROMPT * 100_000)  # more than a pipe holds

    assert told[0].fault == "the process that loads it ended with exit code 3"


def test_secrets_stay_here(whole_tokenizer, tmp_path, program, monkeypatch):
    """No token goes to a process that reads files from elsewhere, and none of the caller's caches."""
    monkeypatch.setenv("HF_TOKEN", "secret")
    names = ("HF_TOKEN", "HF_HUB_OFFLINE", "HF_HOME")
    program(f"{ANSWER}\nanswer(fault=' '.join(os.environ.get(name, '-') for name in {names}))")

    told = tokenizers.encode(whole_tokenizer(tmp_path / "tokenizer"))

    assert told.fault == "- 1 /dev/null/none"


def test_a_module_in_the_working_directory_does_not_stand_in(tmp_path, split_tokenizer, monkeypatch):
    """The caller's folder is not searched for libraries."""
    (tmp_path / "transformers.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)

    assert tokenizers.encode(split_tokenizer(tmp_path / "tokenizer")).fault == ""


# ---- a process that was begun before


@pytest.fixture
def early():
    """Give a process that may be begun early."""
    one = tokenizers.Early()
    yield one
    one.close()


@pytest.mark.parametrize("polite", [pytest.param(False, id="hurried"), pytest.param(True, id="polite")])
def test_a_process_begun_early_answers_as_any_other(tmp_path, whole_tokenizer, split_tokenizer, early, polite):
    """It is taken once; what comes after it starts its own."""
    folders = [split_tokenizer(tmp_path / "split"), whole_tokenizer(tmp_path / "whole")]

    early.begin(polite=polite)
    first = tokenizers.encode_many(folders, early=early)
    second = tokenizers.encode_many(folders, early=early)

    assert [one.fault for one in first] == ["", ""]
    assert first == second


def test_it_imports_before_it_is_asked(tmp_path, split_tokenizer, program, early):
    """Else nothing would be won."""
    program(f"import sys; early = sys.argv[1:]\n{ANSWER}\nanswer(fault=' '.join(early))")

    early.begin(polite=True)
    begun = early.take()
    early.begin()
    (told,) = tokenizers.encode_many([split_tokenizer(tmp_path / "tokenizer")], early=early)
    tokenizers._end(begun)

    assert told.fault == "--early"
    assert begun.args[-2:] == ["--early", "--polite"]


def test_no_tokenizer_is_blamed_for_a_process_that_ended_before(tmp_path, whole_tokenizer, early):
    """Where memory is short, the system kills what is idle."""
    early.begin()
    early._process.kill()
    early._process.wait()

    (told,) = tokenizers.encode_many([whole_tokenizer(tmp_path / "tokenizer")], early=early)

    assert told.fault == ""


def test_one_that_crashes_after_it_was_taken_is_followed_by_another(tmp_path, whole_tokenizer, program, early):
    """As any other."""
    folders = [whole_tokenizer(tmp_path / name) for name in ("good", "bad", "well")]
    act = "os.abort()"
    program(f"{ANSWER}\nfor one in work['folders']:\n    if one.endswith('bad'): {act}\n    answer()\n")

    early.begin()
    told = tokenizers.encode_many(folders, early=early)

    assert [one.fault for one in told] == ["", "the process that loads it ended with signal 6", ""]


def test_one_that_nobody_takes_is_ended(early):
    """Nothing outlives the run."""
    early.begin()
    process = early._process

    early.close()
    early.close()

    assert process.returncode == -9
    assert early.take() is None


def test_a_system_without_room_for_it_is_no_fault(early, monkeypatch):
    """Whoever needs one starts his own."""

    def refuse(*_, **__):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)

    early.begin()

    assert early.take() is None


# ---- what runs in it


@pytest.fixture
def no_hook(monkeypatch):
    """Try here, without the audit hook: it would stay for ever."""
    monkeypatch.setattr(tokenizer_trial, "_asked", [])


def test_the_program_answers_line_by_line(tmp_path, whole_tokenizer, monkeypatch, capfd):
    """What libraries print goes elsewhere, and sockets are closed before anything is loaded."""
    folder = whole_tokenizer(tmp_path / "tokenizer")
    asked = json.dumps({"prompt": PROMPT, "folders": [str(folder), str(tmp_path)]})
    hooks = []
    monkeypatch.setattr("sys.stdin", io.StringIO(asked))
    monkeypatch.setattr("sys.addaudithook", hooks.append)

    tokenizer_trial.main()

    first, second = map(json.loads, capfd.readouterr().out.splitlines())
    assert (first["loaded_as"], first["fault"]) == ("tokenizers.Tokenizer", "")
    assert second["fault"]
    assert hooks[0] is tokenizer_trial._close_sockets


@pytest.mark.parametrize("options", [["--early"], ["--early", "--polite"]])
def test_it_closes_the_sockets_before_it_imports_early(tmp_path, whole_tokenizer, monkeypatch, capfd, options):
    """An import that asks the network must not succeed because it came early; nor does one that fails end anything."""
    told = []

    really = importlib.import_module

    def refuse(name, package=None):
        if name != "transformers":
            return really(name, package)
        told.append(name)
        raise ImportError(name)

    monkeypatch.setattr("sys.argv", ["trial", *options])
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps({"prompt": PROMPT, "folders": [str(tmp_path)]})))
    monkeypatch.setattr("sys.addaudithook", lambda _: told.append("closed"))
    monkeypatch.setattr("os.nice", told.append)
    monkeypatch.setattr("importlib.import_module", refuse)

    tokenizer_trial.main()

    assert told == ["closed", *([10] if "--polite" in options else []), "transformers"]
    assert json.loads(capfd.readouterr().out)["fault"]


CONNECT = """
import runpy, socket, sys
trial = runpy.run_path(sys.argv[1])
sys.addaudithook(trial["_close_sockets"])
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[2])))
except PermissionError as error:
    print(error)
"""


def test_a_process_with_closed_sockets_reaches_nobody():
    """Loopback included: a test server must not help a tokenizer either."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = [sys.executable, "-P", "-c", CONNECT, tokenizer_trial.__file__, str(server.getsockname()[1])]

        done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout == "socket.getaddrinfo: sockets are closed\n"


def test_sockets_are_closed(no_hook):
    """Loopback and names included; making a socket is no crime."""
    tokenizer_trial._close_sockets("socket.__new__", ())

    for event, arguments in (("connect", (None, ("127.0.0.1", 80))), ("getaddrinfo", ("huggingface.co", 443))):
        with pytest.raises(PermissionError, match="sockets are closed"):
            tokenizer_trial._close_sockets(f"socket.{event}", arguments)

    assert tokenizer_trial._asked == ["('127.0.0.1', 80)", "huggingface.co"]


def test_asking_the_network_is_a_fault_even_if_it_then_works(no_hook, tmp_path, whole_tokenizer, monkeypatch):
    """On the machine without a network it would have waited for minutes first."""
    monkeypatch.setattr(tokenizer_trial, "_needs_no_class", lambda _: tokenizer_trial._asked.append("example.org"))
    monkeypatch.setattr(tokenizer_trial, "_with_transformers", tokenizer_trial._alone)

    told = tokenizer_trial._tried(whole_tokenizer(tmp_path / "tokenizer"), PROMPT)

    assert told["fault"] == "asked the network for example.org"


def test_the_trial_itself(no_hook, tmp_path, whole_tokenizer, split_tokenizer, broken):
    """The same answers without a process: what it imports is ours to measure."""
    well = [whole_tokenizer(tmp_path / "alone"), split_tokenizer(tmp_path / "classed", chat_template=CHAT)]
    ill = [folder for words, folder in broken.items() if "no tokenizer" not in words]

    told = [tokenizer_trial._tried(folder, PROMPT)["fault"] for folder in (*well, *ill)]

    assert [bool(one) for one in told] == [False] * len(well) + [True] * len(ill)


def test_a_template_for_images_is_given_parts(no_hook, tmp_path, split_tokenizer):
    """Processors' templates read content[0].text."""
    refusal = "{% if messages[0].content is string %}{{ raise_exception('parts') }}{% endif %}"
    template = refusal + "{{ messages[0].content[0].text }}"
    folder = split_tokenizer(tmp_path / "parts", chat_template=template)
    several = split_tokenizer(tmp_path / "several", chat_template=[{"name": "rag", "template": CHAT}])

    assert tokenizer_trial._tried(folder, PROMPT)["fault"] == ""
    assert tokenizer_trial._tried(several, PROMPT)["fault"] == ""


def test_an_empty_answer_is_no_answer(no_hook, tmp_path, whole_tokenizer):
    """A tokenizer whose words are all lost encodes everything to nothing."""
    folder = whole_tokenizer(tmp_path / "tokenizer")
    held = json.loads((folder / "tokenizer.json").read_text())
    held["model"] |= {"vocab": {"\u4e00": 0}, "merges": []}
    (folder / "tokenizer.json").write_text(json.dumps(held))

    assert tokenizer_trial._tried(folder, PROMPT)["fault"] == "encodes a prompt to nothing"


class _Kind:
    vocab_files_names = {"vocab_file": "vocab.json", "merges_file": "merges.txt"}  # noqa: RUF012 - as libraries have it


def test_a_class_that_loads_without_its_files_is_told(write):
    """Transformers makes an empty tokenizer of nothing without a word."""
    folder = write("vocab.json", {}).parent

    lost = tokenizer_trial._files_lost(folder, _Kind, "said")
    write("merges.txt")
    complete = tokenizer_trial._files_lost(folder, _Kind, "said")
    elsewhere = tokenizer_trial._files_lost(folder / "other", _Kind, "said")
    empty = tokenizer_trial._files_lost(folder / "other", _Kind, "")

    assert lost == "_Kind reads merges.txt, not there"
    assert empty == "_Kind reads vocab.json and merges.txt, not there"
    assert complete == elsewhere == ""


def test_folders_of_old_are_read_through_links(tmp_path, whole_tokenizer):
    """A snapshot of the Hub cache is links to blobs."""
    folder = whole_tokenizer(tmp_path / "real")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "tokenizer.json").symlink_to(folder / "tokenizer.json")

    assert tokenizers.encode(tmp_path / "linked").fault == ""


def test_the_trial_needs_nothing_of_ours():
    """It is run by its path."""
    program = f"import runpy, sys; runpy.run_path({tokenizer_trial.__file__!r}); print([*sys.modules])"

    loaded = subprocess.run([sys.executable, "-P", "-S", "-c", program], capture_output=True, text=True, check=True)

    assert not any(name in loaded.stdout for name in ("modelready", "transformers", "tokenizers"))
