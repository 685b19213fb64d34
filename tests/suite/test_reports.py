"""Reports of a run: written once, whole, by the process that ends it, and for a failed run too."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from modelready.inspection import words
from modelready.reports import KINDS
from modelready.suite.options import Wish, _wish


def test_every_kind_is_written_of_a_failed_run_over_several_processes(tiny_machine, monkeypatch):
    """The controller writes, the workers do not; what cannot be written is one line."""
    machine = tiny_machine
    summary = machine.place / "summary.md"
    summary.write_text("# what another step said\n")
    (machine.place / "folder.xml").mkdir()
    machine.variables |= {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_WORKSPACE": str(machine.place)}
    asked = [word for kind in KINDS for word in ("--report", f"{kind}=out/{kind}.txt")]
    ready = machine.run("provision", "--report", "junit=ready.xml", "--report", f"markdown={summary}")
    next(machine.cache.glob("models--*/snapshots/*/words.json")).unlink()

    broken = ["--report", "junit=folder.xml", "--report", "github=-", "--report", f"markdown={summary}"]
    done = machine.run("certify", "-n", "2", *asked, *broken)

    assert (ready.returncode, done.returncode) == (0, 1), ready.stdout + done.stdout + done.stderr
    assert ET.parse(machine.place / "ready.xml").getroot().get("failures") == "0"
    texts = {kind: (machine.place / "out" / f"{kind}.txt").read_text(encoding="utf-8") for kind in KINDS}
    assert len(list((machine.place / "out").iterdir())) == len(KINDS)
    assert [kind for kind, text in texts.items() if "words.json" not in text or str(machine.place) in text] == []
    assert ET.fromstring(texts["junit"]).get("failures") == "1"
    assert json.loads(texts["ctrf"])["results"]["summary"]["failed"] == 1
    annotation = "::error file=catalogs/catalog.toml,line=1,title=files.are_there[tiny]::words.json%0A"
    assert annotation in done.stdout
    told = summary.read_text()
    assert told.startswith("# what another step said\n## ✅ modelready")
    assert "## ❌ modelready" in told
    refusals = [line for line in done.stdout.splitlines() if line.startswith("no junit report: ")]
    assert len(refusals) == 1
    assert "folder.xml" in refusals[0]
    assert "Traceback" not in done.stdout + done.stderr


def test_a_run_that_requires_nothing_reports_why(tiny_machine):
    """Yesterday's report is not left standing for it."""
    tiny_machine.catalog('[[model]]\nname = "off"\nsource = "hf:acme/off"\nenabled_by = ["ENABLE_OFF"]\n')

    done = tiny_machine.run("certify", "--report", "junit=report.xml")

    assert done.returncode == 5
    (failure,) = ET.parse(tiny_machine.place / "report.xml").getroot().iter("failure")
    assert "ENABLE_OFF" in failure.text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("junit", "names no file; expected KIND=FILE, like junit=FILE"),
        ("junit=", "names no file"),
        ("xml=report.xml", "'xml' is no kind of report; expected junit, ctrf, html, markdown, github, sarif"),
        ("html=-", "only github, markdown may stand below it; name a file, like html=FILE"),
    ],
)
def test_a_wish_that_makes_no_sense_is_one_line(text, told):
    """It names what there is."""
    with pytest.raises(pytest.UsageError) as refused:
        _wish(text)

    assert told in str(refused.value)
    assert str(refused.value).startswith(f"--report {text}: ")


def test_a_file_may_have_any_name():
    """Even one with an equals sign in it."""
    assert (str(_wish("junit=a=b.xml").file), _wish("github=-")) == ("a=b.xml", Wish("github", None))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("/home/ada/models/x: no space left", "~/models/x: no space left"),
        ("read /home/ada.", "read ~."),
        ("'/home/ada'", "'~'"),
        ("/home/adam/x, /home/ada.old and /mnt/home/ada/x", "/home/adam/x, /home/ada.old and /mnt/home/ada/x"),
    ],
)
def test_no_home_is_told(monkeypatch, text, told):
    """Reports go to other machines."""
    monkeypatch.setenv("HOME", "/home/ada")

    assert words.unhomed(text) == told
