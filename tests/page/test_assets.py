"""What the page's files may hold, told without a browser: nothing inline, nothing from outside, text only as text."""

from __future__ import annotations

import re
from importlib import resources

import pytest

ASSETS = {
    one.name: one.read_text(encoding="utf-8") for one in resources.files("modelready.web").joinpath("page").iterdir()
}
SCRIPTS = {name: text for name, text in ASSETS.items() if name.endswith(".js")}
PAGE = ASSETS["index.html"]


def test_the_page_asks_for_what_is_there_and_nothing_else():
    """A file that is missing in the wheel would leave the page blank."""
    asked = set(re.findall(r'(?:href|src)="/page/([^"]+)"', PAGE))

    assert asked == {"app.js", "icon.svg", "style.css"}
    assert asked <= set(ASSETS)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_imports_what_is_there(name):
    """There is no build step that would tell."""
    imports = re.findall(r'from "([^"]+)"', SCRIPTS[name])

    assert all(one.removeprefix("./") in SCRIPTS for one in imports)


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_name_that_a_script_imports_is_given(name):
    """A misspelt import stops the whole page."""
    for names, script in re.findall(r'import \{([^}]+)\} from "\./([^"]+)"', SCRIPTS[name]):
        wanted = {one.strip() for one in names.split(",") if one.strip()}
        given = set(re.findall(r"export (?:async )?(?:class|function|const) (\w+)", SCRIPTS[script]))

        assert wanted <= given


@pytest.mark.parametrize("name", SCRIPTS)
def test_text_never_becomes_markup(name):
    """The title of a model is somebody else's text."""
    found = re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc", SCRIPTS[name]
    )

    assert found == []


@pytest.mark.parametrize("name", [name for name in ASSETS if name != "icon.svg"])
def test_nothing_comes_from_outside(name):
    """A page about offline machines works on one."""
    addresses = re.findall(r"https?://[^\s\"')]+", ASSETS[name])

    assert [one for one in addresses if not one.startswith("http://www.w3.org/")] == []


def test_nothing_is_inline():
    """The Content-Security-Policy forbids it, and would break the page."""
    assert re.findall(r"<style|\sstyle=|\son\w+=|javascript:", PAGE) == []
    assert re.findall(r"<script(?![^>]*\ssrc=)", PAGE) == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_a_script_looks_for_is_on_the_page(name):
    """An id that was renamed on one side would be found by nobody."""
    wanted = set(re.findall(r'byId\("([^"]+)"\)', SCRIPTS[name]))

    assert wanted <= set(re.findall(r'\sid="([^"]+)"', PAGE))
