"""What the tests of the page need: a server that downloads from a Hub on loopback, and a real Chromium that looks."""

from __future__ import annotations

import json
import os
import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect, sync_playwright

if TYPE_CHECKING:
    import subprocess

    from playwright.sync_api import Page

VARIABLE = "MODELREADY_CHROMIUM"
SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 60_000
ADMIN = "an-admin-token"
#: Notes what the page's policy refused, before anything of the page runs.
WATCH = "window.refused = []; addEventListener('securitypolicyviolation', (event) => refused.push(event.blockedURI));"

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def chromium():
    """Give a Chromium; without one these tests prove nothing, so they fail."""
    if VARIABLE not in os.environ:
        pytest.fail(f"{VARIABLE} names no browser: run these tests by `nox -s page`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ[VARIABLE], args=list(SWITCHES), timeout=PATIENCE_MS
        )
        yield browser
        browser.close()


@dataclass
class Looker:
    """A person before the page, who notes all that should not be."""

    page: Page
    origin: str
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.add_init_script(WATCH)
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("request", self._asked)

    def _asked(self, request) -> None:
        if not request.url.startswith(self.origin):
            self.wrong.append(f"asks outside: {request.url}")

    def open(self, end=""):
        """Open the page and wait for its models."""
        self.page.goto(f"{self.origin}/{end}")
        expect(self.page.locator("#link-word")).to_have_text("live")
        expect(self.page.locator("#sum")).not_to_have_text("Asking the server…")
        return self.page

    def row(self, title):
        """Give the row of the model with that title."""
        return self.page.locator(
            ".model", has=self.page.locator(".model-title", has_text=re.compile(f"^{re.escape(title)}$"))
        )

    def until(self, condition):
        """Wait until *condition*, an expression in the page, holds; its policy forbids Playwright's own way."""
        look = f"const look = () => ({condition}) ? done() : setTimeout(look, 50); look();"
        late = f"setTimeout(() => late(new Error('never happened')), {PATIENCE_MS});"
        self.page.evaluate(f"new Promise((done, late) => {{ {look} {late} }})")

    def until_done(self, percent):
        """Wait until the bar of the download shows more than *percent*, and give what it shows."""
        shown = "Number(document.querySelector('.job .bar')?.getAttribute('aria-valuenow'))"
        self.until(f"{shown} > {percent}")
        return self.page.evaluate(shown)

    def faults(self):
        """Give all that was wrong so far."""
        return self.wrong + self.page.evaluate("window.refused")


@dataclass
class Server:
    """`modelready serve` on a machine of its own, as a user runs it."""

    machine: object
    options: tuple[str, ...] = ()
    port: int = 0
    process: subprocess.Popen[str] | None = None
    said: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Give where it serves."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it serves."""
        self.process = self.machine.start("serve", "--port", str(self.port), *self.options)
        for line in self.process.stdout:
            self.said.append(line)
            if found := re.search(r"http://[^\s/]+:(\d+)", line):
                self.port = int(found[1])
                break
        else:
            pytest.fail(f"serve ended: {''.join(self.said)}")
        self._reader = threading.Thread(target=self.said.extend, args=(self.process.stdout,))
        self._reader.start()

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait(60)
        self._reader.join(60)
        self.process.stdout.close()


@pytest.fixture
def serving(machine):
    """Give a function that starts the server with the catalog that was written; it certifies only when told to."""
    machine.variables |= {"MODELREADY_ADMIN_TOKEN": ADMIN, "HF_HUB_DISABLE_XET": "1"}
    server = Server(machine)

    def start(*options):
        server.options = options or ("--no-certify",)
        server.start()
        return server

    yield start
    if server.process:
        server.kill()


@pytest.fixture
def looking(chromium):
    """Give a function that sits somebody before the page of a server; at the end nothing may have been wrong."""
    seen = []

    def look(server, **context):
        one = chromium.new_context(**({"viewport": {"width": 1280, "height": 900}} | context))
        seen.append(Looker(one.new_page(), server.url))
        return seen[-1]

    yield look
    faults = [fault for one in seen for fault in one.faults()]
    for one in seen:
        print(one.page.inner_text("body"))  # noqa: T201 - shown where a test failed
    for one in seen:
        one.page.context.close()
    assert faults == []


@pytest.fixture
def big(tmp_path):
    """Give the folder of a repository whose one weight file takes a moment to travel."""
    folder = tmp_path / "upstream" / "big"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", "architectures": ["BertModel"]}))
    body = os.urandom(8_000_000)
    header = json.dumps({"weight": {"dtype": "U8", "shape": [len(body)], "data_offsets": [0, len(body)]}}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + body)
    return folder


@pytest.fixture
def stocked(machine, hub, big, tiny, tmp_path):
    """Give a machine whose catalog names a big and a small model, one that is not required, and one that no Hub has."""
    hub.add_repo("acme/big", big)
    hub.add_repo("acme/tiny", tiny)
    spare = tmp_path / "upstream" / "spare"
    spare.mkdir()
    (spare / "labels.txt").write_bytes(b"a label\n" * 500)  # of its own: bytes that are here already do not travel
    hub.add_repo("acme/spare", spare)
    machine.catalog(
        """
[[model]]
name = "big"
title = "The big one"
source = "hf:acme/big"
kind = "diffusion"
licence = "apache-2.0"

[[model]]
name = "tiny"
title = "The tiny one"
source = "hf:acme/tiny"
kind = "caption"
needs = ["big"]

[[model]]
name = "spare"
title = "The spare one"
source = "hf:acme/spare"
layout = "folder"
enabled_by = ["ENABLE_SPARE"]
kind = "tts"

[[model]]
name = "lost"
title = "The lost one"
source = "hf:acme/nobody-has-it"
enabled_by = ["ENABLE_LOST"]
kind = "detection"
"""
    )
    return machine
