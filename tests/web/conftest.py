"""What tests of the API need: a real server on a loopback port, and a Hub that it brings models from."""

from __future__ import annotations

import json
import queue
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
import requests

from modelready import grounds
from modelready.web import serving
from modelready.web.guards import Access
from modelready.web.service import Service

if TYPE_CHECKING:
    from pathlib import Path

CATALOG = """
[[model]]
name = "tiny"
title = "The tiny one"
source = "hf:acme/tiny"
kind = "caption"
tags = ["small"]

[[model]]
name = "spare"
source = "hf:acme/tiny"
layout = "folder"
needs = ["tiny"]
enabled_by = ["ENABLE_SPARE"]
"""
ADMIN = "an-admin-token"


@dataclass
class Site:
    """A machine's folders with one server on them; starting again is another server."""

    place: Path
    endpoint: str
    variables: dict[str, str] = field(default_factory=dict)
    catalog: str = CATALOG
    access: Access = field(default_factory=lambda: Access(admin_token=ADMIN))
    notify: tuple[str, ...] = ()
    url: str = ""
    service: Service | None = None
    _running: ExitStack = field(default_factory=ExitStack)

    def asked(self) -> grounds.Requested:
        """Read catalog and environment as a new server would."""
        path = self.place / "catalogs" / "catalog.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.catalog, encoding="utf-8")
        environ = {
            "HOME": str(self.place),
            "HF_HOME": str(self.place / "hf"),
            "HF_ENDPOINT": self.endpoint,
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_ETAG_TIMEOUT": "5",
            "HF_HUB_DOWNLOAD_TIMEOUT": "5",
            "HF_DOWNLOAD_MAX_RETRIES": "0",
            "MODELREADY_HOME": str(self.place / "state"),
            "MODELS_DIR": str(self.place / "models"),
        }
        return grounds.requested(environ | self.variables, self.place, catalogs=[path.parent])

    def start(self) -> Site:
        """Start the server."""
        asked = self.asked()
        self.service = Service(asked, self.access, notify=self.notify)
        taken = serving.listen("127.0.0.1", 0)
        server = serving.Server(self.service)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]}, name="server")
        thread.start()
        self.url = serving.address(taken)

        def stop():
            server.should_exit = True
            thread.join(60)
            taken.close()
            asked.ground.close()

        self._running.callback(stop)
        return self

    def stop(self) -> None:
        """Stop it, gently."""
        self._running.pop_all().close()

    @property
    def admin(self) -> dict[str, str]:
        """Give the header that the admin sends."""
        return {"Authorization": f"Bearer {ADMIN}"}

    def get(self, path: str, **headers: str) -> requests.Response:
        """Ask."""
        return requests.get(f"{self.url}{path}", headers=headers, timeout=60)

    def post(self, path: str, **headers: str) -> requests.Response:
        """Do."""
        return requests.post(f"{self.url}{path}", headers=headers, timeout=60)

    def do(self, verb: str, model: str = "tiny", **headers: str) -> requests.Response:
        """Do *verb* to *model*."""
        return self.post(f"/api/model-download/{model}/{verb}", **headers)

    def status(self, model: str = "tiny") -> dict:
        """Ask how *model* stands."""
        return self.get(f"/api/model-download-status/{model}").json()

    def until(self, *states: str, model: str = "tiny") -> dict:
        """Wait until *model* is in one of *states*."""
        return self.wait(lambda: (told := self.status(model))["status"] in states and told)

    def wait(self, condition, timeout_s=60):
        """Wait for *condition*, and give what it gave."""
        end = time.monotonic() + timeout_s
        while not (found := condition()):
            assert time.monotonic() < end, "it did not come about"
            time.sleep(0.02)
        return found

    def events(self, since: str | None = None):
        """Listen; give each event's name, content and id."""
        headers = {"Last-Event-ID": since} if since is not None else {}
        with requests.get(f"{self.url}/api/events", headers=headers, stream=True, timeout=60) as answer:
            assert answer.status_code == 200
            told = {}
            for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
                if line:
                    name, _, value = line.partition(": ")
                    told[name] = value
                elif "event" in told:
                    yield told["event"], json.loads(told["data"]), told["id"]
                    told = {}


class Listener:
    """Somebody who wants to know: an address that takes notices."""

    def __init__(self):
        self.posts = queue.SimpleQueue()
        posts = self.posts

        class Hearing(BaseHTTPRequestHandler):
            def do_POST(self):
                posts.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Hearing)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def heard(self):
        """Wait for the next notice."""
        return self.posts.get(timeout=60)


@pytest.fixture
def listener():
    """Give one."""
    one = Listener()
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.fixture
def site(tmp_path, hub, tiny, monkeypatch):
    """Give a machine whose Hub serves the small model; its server is not started."""
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
    hub.add_repo("acme/tiny", tiny)
    one = Site(tmp_path / "machine", hub.url)
    one.place.mkdir()
    yield one
    one.stop()


@pytest.fixture
def served(site):
    """Give the same with its server running."""
    return site.start()
