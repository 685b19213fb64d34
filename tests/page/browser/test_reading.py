"""The page for everybody: keyboard, screen reader, phone, dark, many models, hostile titles."""

from __future__ import annotations

import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
HOSTILE = "<img src=x onerror=alert(1)><svg onload=alert(1)><script>window.hacked = 1\u202e&lt;b&gt;"
DRESSES = ({}, {"color_scheme": "dark"}, PHONE, {"reduced_motion": "reduce", "forced_colors": "active"})
MANY = 500
#: Numbers the rows, and notes which of them anything in the document changes.
NOTE_TOUCHED_ROWS = """
    window.touched = new Set();
    document.querySelectorAll('.model').forEach((row, place) => (row.place = place));
    const rowOf = (node) => (node.closest ? node : node.parentElement)?.closest('.model');
    const note = (records) => records.forEach((record) => touched.add(rowOf(record.target)?.place));
    const all = {subtree: true, childList: true, attributes: true, characterData: true};
    new MutationObserver(note).observe(document.getElementById('models'), all);
"""


@pytest.fixture
def looker(stocked, serving, looking):
    """Give somebody before the page of the stocked machine."""
    found = looking(serving())
    found.open()
    return found


def test_axe_finds_nothing_in_any_dress(stocked, hub, serving, looking):
    """Contrast, names, roles, order: with a download, a failure, a verdict and an open model on the page."""
    assert stocked.run("provision").returncode == 0
    hub.slow("*", 500)
    server = serving()
    first = looking(server)
    first.open()
    first.row("The lost one").get_by_role("button", name="Start").click()
    expect(first.row("The lost one").locator(".look")).to_have_text("Download failed")
    first.row("The spare one").get_by_role("button", name="Start").click()
    expect(first.row("The spare one").locator(".look")).to_have_text("Downloading")

    for dress in DRESSES:
        looker = looking(server, **dress)
        page = looker.open("#open=tiny")
        expect(looker.row("The tiny one").locator(".checks")).to_be_visible()
        found = Axe().run(page)

        assert found.violations_count == 0, f"{dress}: {found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_page_follows_what_the_system_asks_for(stocked, serving, looking):
    """Dark is dark, and less motion is none."""
    server = serving()
    shades = []
    for scheme in ("light", "dark"):
        page = looking(server, color_scheme=scheme, reduced_motion="reduce").open()
        shades.append(page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"))

    assert min(shades[0]) > 200
    assert max(shades[1]) < 60
    moving = "[...document.querySelectorAll('*')].filter((one) => getComputedStyle(one).transitionProperty !== 'none')"
    assert page.evaluate(f"{moving}.length") == 0


def test_the_keyboard_reaches_everything(looker):
    """From the first Tab to a started download, with no mouse, and the focus is always seen."""
    page = looker.page

    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#models")).to_be_focused()
    page.keyboard.press("/")
    page.keyboard.type("spare")
    expect(page.locator(".model")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(".model")).to_have_count(4)
    page.locator("#models").focus()
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(looker.row("The tiny one").locator(".model-open")).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(looker.row("The tiny one").locator(".facts")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(looker.row("The tiny one").locator(".look")).to_have_text("On disk")
    assert page.evaluate("document.activeElement !== document.body")


def test_single_keys_can_be_turned_off(looker):
    """Who dictates would otherwise jump about."""
    page = looker.page
    page.get_by_role("button", name="Help").click()
    page.get_by_label("Single keys work").uncheck()
    page.get_by_role("button", name="Close").click()

    page.keyboard.press("/")

    expect(page.locator("#q")).not_to_be_focused()


def test_the_filter_is_in_the_address(looker):
    """A link shows somebody else the same rows."""
    page = looker.page
    page.get_by_label("Search models").fill("one")
    page.get_by_label("Kind").select_option("tts")
    page.locator(".chip", has_text="Incomplete").click()
    expect(page.locator(".model")).to_have_count(1)
    address = page.url

    page.goto("about:blank")
    page.goto(address)

    expect(page.locator(".model-title")).to_have_text(["The spare one"])
    expect(page.get_by_label("Search models")).to_have_value("one")
    assert "q=one" in address


def test_a_model_says_why_it_is_required_and_what_it_lacks(looker):
    """Needs, has, lacks: in words."""
    for title in ("The big one", "The spare one"):
        looker.row(title).locator(".model-open").click()

        facts = looker.row(title).locator(".facts")
        expect(facts).to_contain_text("Required" if title == "The big one" else "ENABLE_SPARE")
        expect(facts).to_contain_text("nothing yet")


def test_a_hostile_title_stays_text(machine, hub, tiny, serving, looking):
    """Catalogs come from others too; what they write is shown, never run."""
    hub.add_repo("acme/tiny", tiny)
    row = {
        "name": "bad",
        "title": HOSTILE,
        "source": "hf:acme/tiny",
        "kind": "<b>x",
        "licence": "<svg onload=alert(1)>",
    }
    machine.catalog("[[model]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in row.items()))
    looker = looking(serving())
    page = looker.open("#open=bad&q=<img src=x>")
    page.on("dialog", lambda dialog: looker.wrong.append(f"dialog: {dialog.message}"))
    page.get_by_label("Search models").fill("")

    expect(page.locator(".model-title")).to_have_text(HOSTILE)
    expect(page.locator(".facts")).to_contain_text("<svg onload=alert(1)>")
    assert page.locator("#models img, #models script, #models svg").count() == 0
    assert page.evaluate("window.hacked") is None


def test_five_hundred_models_keep_their_rows_while_events_come(machine, hub, big, serving, looking):
    """Rows are made once; only the one that moves is touched, and those far below are not laid out."""
    hub.add_repo("acme/big", big)
    hub.slow("*.safetensors", 300_000)
    row = '[[model]]\nname = "m-{0:03}"\ntitle = "Model {0:03}"\nsource = "hf:acme/{1}"\n'
    rows = [row.format(one, "big" if one == 7 else "other") for one in range(MANY)]
    machine.catalog("\n".join(rows))
    looker = looking(serving())
    page = looker.open()
    expect(page.locator(".model")).to_have_count(MANY)
    page.evaluate(NOTE_TOUCHED_ROWS)

    looker.row("Model 007").get_by_role("button", name="Start").click()
    looker.until_done(5)

    assert page.evaluate("[...document.querySelectorAll('.model')].every((row, place) => row.place === place)")
    assert page.evaluate("[...touched]") == [7]
    assert (
        page.evaluate(
            "document.querySelector('.model:last-child .look').checkVisibility({contentVisibilityAuto: true})"
        )
        is False
    )
    page.get_by_label("Search models").fill("model 49")
    expect(page.locator(".model")).to_have_count(15)


def test_figures_are_not_read_aloud(stocked, hub, serving, looking):
    """The live region tells states, never percents."""
    hub.slow("*.safetensors", 1_200_000)
    looker = looking(serving())
    page = looker.open()
    page.evaluate("""
        window.heard = [];
        new MutationObserver(() => heard.push(document.getElementById('news').textContent))
            .observe(document.getElementById('news'), {childList: true, characterData: true, subtree: true});
    """)

    looker.row("The big one").get_by_role("button", name="Start").click()
    looker.until("heard.length > 0")
    looker.until_done(15)
    hub.heal()
    expect(looker.row("The big one").locator(".look")).to_have_text("On disk")

    heard = page.evaluate("heard")
    assert len(heard) < 5
    assert not any("%" in text or "MB" in text for text in heard)
