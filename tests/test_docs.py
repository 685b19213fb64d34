"""What the documents say is so: catalogs can be read, options exist, and a stranger sees a result soon."""

from __future__ import annotations

import importlib
import pkgutil
import re
import shlex
from pathlib import Path

import pytest
from click import Context
from click.testing import CliRunner

import modelready as package
from modelready import catalog, explanations, promises
from modelready.catalog_rows import CONSUMERS, FILE_KEYS, MODEL_KEYS
from modelready.cli import modelready
from modelready.cli.explaining import checks
from modelready.errors import ModelreadyError

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/recipes/*.md")])
COMMANDS = modelready.list_commands(Context(modelready))
FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


def blocks(language):
    """Give each block of *language* in the documents, with its place as an id."""
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        for found in FENCED.finditer(text):
            if found[1] == language:
                line = text.count("\n", 0, found.start()) + 1
                yield pytest.param(found[2], id=f"{path.name}:{line}")


def command_lines():
    """Give each call of modelready in the documents: the words after its name."""
    for block in blocks("console"):
        for number, line in enumerate(block.values[0].splitlines()):
            if line.startswith("$ modelready "):
                yield pytest.param(shlex.split(line)[2:], id=f"{block.id}+{number}")


def help_of(command):
    return CliRunner().invoke(modelready, [command, "--help"]).output


def options_of(command):
    """Give the options that *command* tells of."""
    return set(OPTION.findall(help_of(command)))


def kinds(error=ModelreadyError):
    for module in pkgutil.walk_packages(package.__path__, "modelready."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    below = [kind for child in error.__subclasses__() for kind in kinds(child)]
    return {error.kind, *below}


def table_of(document, heading):
    """Give the first cells of the first table below *heading*, without their marks."""
    section = (ROOT / "docs" / document).read_text(encoding="utf-8").split(f"{heading}\n", 1)[1]
    rows = re.search(r"^\| -.*\n((?:\|.*\n)+)", section, re.MULTILINE)[1]
    return [row.split("|")[1].strip() for row in rows.splitlines()]


def coded(cells):
    return [word for cell in cells for word in re.findall(r"`([^`]+)`", cell)]


@pytest.mark.parametrize("text", list(blocks("toml")))
def test_every_catalog_in_the_documents_can_be_read(text, tmp_path):
    """Who copies an example gets no fault."""
    path = tmp_path / "catalog.toml"
    path.write_text(text, encoding="utf-8")

    found = catalog.read([path], environ={}, cwd=tmp_path)

    assert found.models


@pytest.mark.parametrize("words", list(command_lines()))
def test_every_command_line_in_the_documents_can_be_said(words):
    """A command and its options exist under the names that are printed."""
    command, *rest = words

    unknown = {word for word in rest if OPTION.fullmatch(word)} - options_of(command)

    assert command in COMMANDS
    assert unknown == set()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_option_named_in_the_documents_exists(path):
    """No document speaks of an option that was renamed."""
    spans = re.findall(r"`([^`\n]+)`", FENCED.sub("", path.read_text(encoding="utf-8")))
    ours = (span for span in spans if span.partition(" ")[0] not in {"buildah", "hf", "modal"})
    named = {option for span in ours for option in OPTION.findall(span)}

    known = {option for command in COMMANDS for option in options_of(command)}

    assert named - known == {"--provision"} & named  # the suite's own way to say `provision`


def test_every_option_of_every_command_is_documented():
    """What --help knows, docs/commands.md explains."""
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")

    known = {option for command in COMMANDS for option in options_of(command)}

    assert known - set(OPTION.findall(text)) <= {"--help", "--junit-xml"}


def test_every_command_has_its_section_and_its_line():
    """Each command is told of in docs/commands.md and in README."""
    manual = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert [name for name in COMMANDS if f"\n## {name}\n" not in manual] == []
    assert [name for name in COMMANDS if f"| `modelready {name}" not in readme] == []


def test_every_key_of_a_catalog_is_documented():
    """The tables of docs/catalog.md are the whole language."""
    text = (ROOT / "docs" / "catalog.md").read_text(encoding="utf-8")

    assert set(coded(table_of("catalog.md", "## `[[model]]`"))) == set(MODEL_KEYS) - {"file"}
    assert set(coded(table_of("catalog.md", "## `[[model.file]]`"))) == set(FILE_KEYS)
    assert [name for name in CONSUMERS if f"`{name}`" not in text] == []


def test_every_check_is_documented_in_order():
    """Readers of certificates find each id, in the order in which the checks judge."""
    assert coded(table_of("certificate.md", "## Ids of checks")) == list(promises.of_checks())


def test_the_kinds_of_errors_are_a_closed_list():
    """Programs may rely on docs/errors.md naming each kind."""
    assert set(coded(table_of("errors.md", "# Errors"))) == kinds()


def test_every_check_is_explained():
    """Why it is made, what it prints, a story: each says all three, and nothing is explained that has no such name."""
    for name, one in checks().items():
        first, path, *rest = one.example.splitlines()
        assert (first, path[0] != " ", len(rest)) == (name, True, 2), name
        assert all(line.startswith("    ") for line in rest), name
        assert all(text.endswith(".") for text in (one.promise, one.mend)), name
        assert all((one.why, one.story)), name
    known = {name.partition(".")[0] for name in explanations.explained()}
    assert known <= {"files", "weights", "tokenizers", "cache", "layouts", "machine"}
    assert set(checks()) <= set(explanations.explained())


def test_the_page_of_checks_is_what_explain_writes():
    """`modelready explain --markdown > docs/checks.md` after a check was made or its words changed."""
    assert (ROOT / "docs" / "checks.md").read_text(encoding="utf-8") == explanations.page(checks().values())


def test_the_table_of_errors_is_what_explain_tells():
    """One text, in two places."""
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8").splitlines()

    assert [row for row in page if row.startswith("| `")] == explanations.error_rows(explanations.errors())


def test_a_stranger_sees_a_result_by_line_25():
    """README shows the command, and what came of it, before anything else."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:25]

    command = lines.index("$ pip install nox && nox -s demo")
    results = [line for line in lines[command:] if line.startswith(("✓", "✗"))]

    assert results


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_one_sentence_stands_on_a_line(path):
    """So that a difference shows what changed."""
    prose = FENCED.sub("", path.read_text(encoding="utf-8"))

    crowded = [line for line in prose.splitlines() if re.search(r"[a-z`)][.!?] [A-Z]", line) and line[0] not in "|-#"]

    assert crowded == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    """Files and headings that a document points at are there."""
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("http"):
            continue
        file, _, anchor = target.partition("#")
        place = path.parent / file if file else path
        assert place.exists() or not (ROOT / ".github").exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", place.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in slugs, target
