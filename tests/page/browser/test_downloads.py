"""Downloads, watched and steered in a browser: every byte comes from the mirror through the real server."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

SLOW = 400_000
WEIGHTS = "*.safetensors"


@pytest.fixture
def started(stocked, hub, serving, looking):
    """Give somebody who has just started the big model, which comes slowly, and the server."""
    hub.slow(WEIGHTS, SLOW)
    server = serving()
    looker = looking(server)
    looker.open()
    looker.row("The big one").get_by_role("button", name="Start The big one").click()
    expect(looker.row("The big one").locator(".look")).to_have_text("Downloading")
    return looker, server


def test_a_download_is_watched_paused_resumed_and_ends(started, hub):
    """The bar moves, stands still, goes on where it was, and is gone."""
    looker, _ = started
    row, queue = looker.row("The big one"), looker.page.locator("#queue")

    seen = looker.until_done(2)
    expect(queue.locator(".bar-figures")).to_contain_text(re.compile(r"of 8\.0 MB.*B/s"))
    expect(queue.locator(".bar-figures")).to_contain_text("left")
    row.get_by_role("button", name="Pause").click()
    expect(row.locator(".look")).to_have_text("Paused")
    expect(queue.locator(".bar-figures")).to_contain_text("what arrived is kept")
    hub.heal()
    assert looker.until_done(0) >= seen
    row.get_by_role("button", name="Resume").click()

    expect(row.locator(".look")).to_have_text("On disk")
    expect(queue).to_be_hidden()
    expect(looker.page.locator("#news")).to_contain_text("The big one: on disk")
    assert hub.bytes_sent(WEIGHTS) < 2 * 8_000_000


def test_a_cancelled_download_can_be_retried(started, hub):
    """Cancel ends it at once; what arrived is used again."""
    looker, _ = started
    row = looker.row("The big one")

    looker.until_done(1)
    looker.page.locator("#queue").get_by_role("button", name="Cancel").click()
    expect(row.get_by_role("button", name="Retry")).to_be_visible()
    expect(looker.page.locator("#queue")).to_be_hidden()
    hub.heal()
    row.get_by_role("button", name="Retry").click()

    expect(row.locator(".look")).to_have_text("On disk")


def test_a_failure_is_told_with_its_remedy_and_mended_by_a_retry(stocked, hub, serving, looking):
    """Kind, remedy and whether it may be retried: the words of the terminal."""
    hub.status("*", 401, kind="any")
    looker = looking(serving())
    looker.open("#open=tiny")
    row = looker.row("The tiny one")

    row.get_by_role("button", name="Start").click()
    expect(row.locator(".look")).to_have_text("Download failed")
    expect(row.locator(".failure")).to_contain_text("What to do:")
    expect(row.locator(".failure")).to_contain_text("Kind: not found.")
    hub.heal()
    row.get_by_role("button", name="Retry").click()

    expect(row.locator(".look")).to_have_text("On disk")
    expect(row.locator(".failure")).to_have_count(0)


def test_a_verdict_is_shown_check_by_check_and_changes_by_itself(stocked, serving, looking):
    """Certified elsewhere, it is on the page without a reload; so is the check that fails."""
    assert stocked.run("provision").returncode == 0
    looker = looking(serving())
    looker.open("#open=big")
    row, certificate = looker.row("The big one"), looker.page.locator("#certificate")
    expect(row.locator(".look")).to_have_text("Ready")
    expect(row.locator(".checks li[data-outcome=passed]", has_text="files.are_there")).to_be_visible()
    expect(certificate).to_contain_text("PASSED")
    (weights,) = stocked.cache.glob("models--acme--big/snapshots/*/model.safetensors")
    target = weights.resolve()
    content = bytearray(target.read_bytes())
    content[-5] ^= 1
    target.chmod(0o644)
    target.write_bytes(content)

    assert stocked.run("certify").returncode == 1

    expect(row.locator(".look")).to_have_text(re.compile("Not ready|Damaged"))
    failed = row.locator(".checks li[data-outcome=failed]")
    expect(failed).to_contain_text("files.have_the_right_bytes")
    expect(failed).to_contain_text("model.safetensors")
    expect(certificate).to_contain_text("FAILED")
    expect(certificate).to_contain_text("big")


def test_what_the_server_certifies_by_itself_is_shown_without_a_reload(stocked, serving, looking):
    """The first certificate of a machine is news too; what a model needs comes with it."""
    looker = looking(serving("--jobs", "2"))
    looker.open()
    expect(looker.page.locator("#certificate")).to_contain_text("no certificate yet")

    looker.row("The tiny one").get_by_role("button", name="Start").click()

    expect(looker.row("The tiny one").locator(".look")).to_have_text("Ready")
    expect(looker.page.locator("#certificate")).to_contain_text("PASSED")


def test_the_page_says_when_the_server_is_gone_and_comes_back_by_itself(started, hub):
    """What was known stays to be read; the download that the crash cut goes on."""
    looker, server = started
    looker.until_done(1)

    server.kill()
    expect(looker.page.locator("#gone")).to_contain_text("does not answer")
    expect(looker.page.locator("#link-word")).to_have_text("no server")
    expect(looker.row("The big one")).to_be_visible()
    hub.heal()
    server.start()

    expect(looker.page.locator("#gone")).to_be_hidden()
    expect(looker.row("The big one").locator(".look")).to_have_text("On disk")


def test_clearing_asks_for_the_admin_token_and_keeps_it_nowhere(started):
    """It is in no address, no storage and no form that a browser would fill in again."""
    looker, _ = started
    page, row = looker.page, looker.row("The big one")
    row.get_by_role("button", name="Cancel").click()
    row.locator(".model-open").click()
    row.get_by_role("button", name="Clear from the queue").click()

    page.locator("#token").fill("wrong")
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.locator("#token-note")).to_contain_text("only the admin may clear")
    expect(page.locator("#admin")).to_be_visible()
    page.locator("#token").fill("an-admin-token")
    page.get_by_role("button", name="Clear", exact=True).click()

    expect(page.locator("#admin")).to_be_hidden()
    kept = page.evaluate("JSON.stringify([location.href, {...localStorage}, {...sessionStorage}, document.cookie])")
    assert "admin" not in kept
    assert page.locator("#token").get_attribute("type") == "password"


def test_a_server_for_other_machines_wants_the_token_once(stocked, serving, looking):
    """Where everybody can look, only the admin changes something."""
    looker = looking(serving("--host", "0.0.0.0", "--no-certify"))
    page, row = looker.open(), looker.row("The tiny one")
    row.get_by_role("button", name="Start").click()
    expect(page.locator("#admin")).to_contain_text("Other machines can reach it")
    page.locator("#token").fill("an-admin-token")
    page.get_by_role("button", name="Go on").click()
    expect(row.locator(".look")).to_have_text("On disk")

    looker.row("The spare one").get_by_role("button", name="Start").click()

    expect(looker.row("The spare one").locator(".look")).to_have_text("On disk")
    expect(page.locator("#admin")).to_be_hidden()


def test_a_server_that_may_not_download_says_why(stocked, serving, looking):
    """The reason names the variable."""
    stocked.variables["DISABLE_MODEL_DOWNLOADS"] = "1"
    looker = looking(serving())
    looker.open()

    looker.row("The tiny one").get_by_role("button", name="Start").click()

    expect(looker.page.locator("#told")).to_contain_text("DISABLE_MODEL_DOWNLOADS")
    looker.page.get_by_role("button", name="Dismiss").click()
    expect(looker.page.locator("#told")).to_be_hidden()


def test_the_disk_is_a_picture_and_a_list(stocked, serving, looking):
    """What takes the space, largest first, and a way to each model."""
    assert stocked.run("provision", "--only", "*").returncode in {0, 1}
    looker = looking(serving())
    looker.open()
    disk = looker.page.locator("#disk")

    expect(disk.get_by_role("img", name=re.compile("What takes the space: The big one"))).to_be_visible()
    expect(disk.get_by_role("img", name=re.compile("^Models take 8"))).to_be_visible()
    disk.get_by_text("As a list").first.click()
    disk.get_by_role("button", name="The big one").click()

    expect(looker.row("The big one").locator(".facts")).to_contain_text("hf:acme/big")
    expect(looker.row("The big one").locator(".model-open")).to_be_focused()
