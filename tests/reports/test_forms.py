"""Each kind of report holds the same run, in a form that its readers accept, whatever words are in it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelready import promises
from modelready.certificate import Judged, Run, Subject, Verdict
from modelready.model import Fault
from modelready.reports import KINDS, Place, Report

SCHEMAS = Path(__file__).parent.parent / "data" / "reports"
CUT = Fault("split/model.safetensors", "is cut short, 20 of 40 bytes", "run `modelready provision`", "stalled")
RUN = Run(
    started="2026-01-01T00:00:00+00:00",
    finished="2026-01-01T00:00:02+00:00",
    verdicts=(
        Verdict("files.are_there", "flux", "passed", seconds=0.25),
        Verdict("files.have_the_right_bytes", "flux", "warned", "no digest\n    is known"),
        Verdict("weights.are_whole", "flux", "failed", f"{CUT.path}\n    {CUT.message}", (CUT,), 1.5),
        Verdict("tokenizers.encode_text", "tts", "skipped", "see files.are_there"),
        Verdict("machine.variables_agree", "", "passed"),
    ),
    models=(
        Judged("tts", True, "hf:acme/tts", "b" * 40, "unproved", "see files.are_there"),
        Judged("flux", True, "hf:acme/flux", "c" * 40, "failed", "cut short"),
        Judged("off", False, "hf:acme/off", "", "not required", "ENABLE_OFF is not set: set ENABLE_OFF=true"),
    ),
    subjects=(Subject("flux/a.bin", "a" * 64, "read", "lock", 3),),
    configuration={"models.toml": "1" * 64},
)
PLACES = {
    "flux": Place("catalogs/my models.toml", 7, {"split/model.safetensors": 12}),
    "tts": Place("catalogs/my models.toml", 20),
}
REPORT = Report(run=RUN, version="9.9", places=PLACES, promises=promises.of_checks())
PROVED = replace(
    REPORT,
    run=replace(
        RUN, passed=True, verdicts=RUN.verdicts[:1], models=(Judged("flux", True, "hf:acme/flux", "c" * 40, "proved"),)
    ),
)
#: What a file name, a server's answer or a catalog may hold.
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60) | st.sampled_from(
    [
        "]]>",
        "</pre><script>alert(1)</script>",
        "```\n# x",
        "a|b",
        "%0A::error::x",
        "\n::stop-commands::x",
        "\x1b[31m",
        "&",
    ]
)


def saying(words):
    """Give the report with one failure more, whose words are *words* all over."""
    fault = Fault(words, words, words)
    worst = Verdict("weights.are_whole", "flux", "failed", words, (fault,))
    models = tuple(replace(one, reason=words) for one in RUN.models)
    return replace(REPORT, run=replace(RUN, verdicts=(worst, *RUN.verdicts), models=models))


def valid(text, schema):
    found = json.loads(text)
    rules = json.loads((SCHEMAS / schema).read_text(encoding="utf-8"))
    jsonschema_rs.validator_for(rules, validate_formats=True).validate(found)
    return found


class Seen(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.texts, self.open = [], [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in {"meta", "link", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_what_failed_stands_first_and_nothing_is_left_out():
    """A model that nobody could look at has failed too, though no check says so."""
    assert [(one.id, one.outcome) for one in REPORT.entries] == [
        ("weights.are_whole[flux]", "failed"),
        ("verdict.is_proved[tts]", "failed"),
        ("files.have_the_right_bytes[flux]", "warned"),
        ("tokenizers.encode_text[tts]", "skipped"),
        ("files.are_there[flux]", "passed"),
        ("machine.variables_agree", "passed"),
    ]
    assert REPORT.headline == "Not ready: 0 of 2 required models ready, 2 failed, 1 warned, 1 skipped, 2 passed"
    assert PROVED.headline == "Ready: 1 of 1 required models ready, 1 passed"


@pytest.mark.parametrize("kind", ["junit", "ctrf", "sarif", "github"])
def test_a_run_that_proved_nothing_is_never_green(kind):
    """Readers count failures: where no check failed, the run itself is one."""
    empty = replace(REPORT, run=replace(RUN, verdicts=(), models=()), note="no model is required here")

    assert "no model is required here" in KINDS[kind](empty)


def test_junit_is_read_as_others_write_it():
    """A suite a model, its properties, a case a check."""
    root = ET.fromstring(KINDS["junit"](REPORT))

    assert {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "6",
        "failures": "2",
        "errors": "0",
        "skipped": "1",
    }
    flux = root.find("testsuite[@name='flux']")
    told = {one.get("name"): one.get("value") for one in flux.findall("properties/property")}
    assert (told["source"], told["revision"], told["verdict"]) == ("hf:acme/flux", "c" * 40, "failed")
    worst = flux.find("testcase[@name='weights.are_whole[flux]']")
    assert (worst.get("file"), worst.get("line"), worst.get("time")) == ("catalogs/my models.toml", "12", "1.500")
    assert worst.find("properties/property[@name='kind']").get("value") == "stalled"
    assert worst.find("failure").text == RUN.verdicts[2].reason


def test_ctrf_is_valid_and_counts_right():
    """Its summary is the sum of its tests."""
    results = valid(KINDS["ctrf"](REPORT), "ctrf.json")["results"]

    summary = results["summary"]
    assert [summary[name] for name in ("tests", "passed", "failed", "skipped")] == [6, 3, 2, 1]
    assert summary["stop"] - summary["start"] == 2000
    assert results["tests"][0]["line"] == 12
    assert results["tests"][0]["extra"] == {"kinds": ["stalled"]}
    assert len({one["id"] for one in results["tests"]}) == 6


def test_sarif_is_valid_and_points_at_the_catalog():
    """Each result names its rule by id and by place, and a line in the repository."""
    (run,) = valid(KINDS["sarif"](REPORT), "sarif.json")["runs"]

    rules = run["tool"]["driver"]["rules"]
    assert [rules[one["ruleIndex"]]["id"] for one in run["results"]] == [one["ruleId"] for one in run["results"]]
    assert [one["level"] for one in run["results"]] == ["error", "error", "warning"]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "catalogs/my%20models.toml"}, "region": {"startLine": 12}}
    whole = next(one for one in rules if one["id"] == "weights.are_whole")
    assert "offsets" in whole["shortDescription"]["text"]


def test_annotations_point_at_the_line_that_names_the_file():
    """Or at the model, where no line does."""
    lines = KINDS["github"](REPORT).splitlines()

    assert lines[0].startswith("::error file=catalogs/my models.toml,line=12,title=weights.are_whole[flux]::split/")
    assert lines[1].startswith("::error file=catalogs/my models.toml,line=20,title=verdict.is_proved[tts]::unproved")
    assert lines[2].startswith("::warning file=catalogs/my models.toml,line=7,")
    assert KINDS["github"](PROVED).startswith("::notice title=modelready::Ready: 1 of 1")


def test_the_page_has_a_cell_for_each_model_and_check():
    """Failures first, no script, nothing asked of anybody."""
    page = KINDS["html"](REPORT)
    seen = Seen(page)

    assert "script" not in seen.tags
    assert [value for name, value in seen.attributes if name in {"src", "href"}] == []
    assert seen.tags.count("td") == 3 * (1 + 5) + 3 * 3
    assert page.index("weights.are_whole") < page.index('id="matrix"')
    assert seen.open == []


def test_the_summary_is_never_too_long_for_its_reader():
    """GitHub refuses more than 1 MiB; what was cut is counted."""
    many = tuple(Judged(f"m{number}", True, "", "", "failed", "x" * 2000) for number in range(1000))
    text = KINDS["markdown"](replace(REPORT, run=replace(RUN, models=many)))

    assert len(text.encode()) < 1_000_000
    assert re.search(r"… and \d+ more: see the certificate\n$", text)


def test_the_summary_says_of_each_file_what_is_wrong_in_one_line():
    """A path, what is wrong with it, what to do: lines of a report become sentences of a table's cell."""
    reason = "a.bin\n    is not on disk\n    run `modelready provision`\n\nb.bin\n    is empty"
    text = KINDS["markdown"](
        replace(REPORT, run=replace(RUN, models=(Judged("flux", True, "", "", "failed", reason),)))
    )

    assert r"| a.bin: is not on disk; run \`modelready provision\`. b.bin: is empty |" in text


@given(WORDS)
def test_no_words_break_the_forms_of_data(words):
    """XML, CTRF and SARIF are read, and say what was said."""
    report = saying(words)

    tests = valid(KINDS["ctrf"](report), "ctrf.json")["results"]["tests"]
    results = valid(KINDS["sarif"](report), "sarif.json")["runs"][0]["results"]
    failure = ET.fromstring(KINDS["junit"](report)).find("testsuite/testcase/failure")

    assert tests[0]["trace"] == words
    assert results[0]["message"]["text"] == f"flux: {words}"
    assert failure is not None


@given(WORDS)
def test_no_words_begin_a_command_of_their_own(words):
    """A file name from outside commands no runner."""
    report = saying(words)
    text = KINDS["github"](report)

    lines = text.split("\n")
    assert (len(lines), lines[-1]) == (sum(one.outcome in {"failed", "warned"} for one in report.entries) + 1, "")
    assert all(line.startswith(("::error ", "::warning ")) for line in lines[:-1])
    told = lines[0].split("::", 2)[2]
    assert told.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%") == words


@given(WORDS)
def test_no_words_become_marks_of_a_page(words):
    """What was said is shown, and nothing of it is obeyed."""
    page, plain = Seen(KINDS["html"](saying(words))), Seen(KINDS["html"](saying("x")))

    assert page.tags == plain.tags
    assert page.open == []


@given(WORDS)
def test_no_words_leave_their_block_of_markdown(words):
    """A fence is longer than any in it, and a table's row is one line."""
    lines = KINDS["markdown"](saying(words)).split("\n")

    fence = next(line for line in lines if re.fullmatch("`{3,}text", line)).removesuffix("text")
    start = lines.index(f"{fence}text")
    assert lines[start + 1 : lines.index(fence, start)] == words.split("\n")
    rows = [line for line in lines if line.startswith("| ❌")]
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 6 for row in rows)
