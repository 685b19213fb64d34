"""What the tests of the mirror are given: a folder like a model's, a mirror of it, and the real huggingface_hub."""

import json
import os
import socket
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
import requests

from modelready.mirror import Mirror

FILES = {
    ".gitattributes": b"*.safetensors filter=lfs\n",
    "config.json": b'{"model_type": "tiny"}\n',
    "empty.txt": b"",
    "model.safetensors": bytes(range(256)) * 1200,
    "sub folder/ü #%41+&?.json": b"[]",
    "sub folder/deep/notes.md": b"# notes\n",
}
REPO = "org/tiny"
TOKEN = "hf_right"


@pytest.fixture
def files():
    """Give what the folder holds, by path."""
    return dict(FILES)


@pytest.fixture
def folder(tmp_path, files):
    """Give a folder such as a repository would be, with a hidden folder that is none of its files."""
    root = tmp_path / "tiny"
    for path, content in {**files, ".git/config": b"[core]\n", ".cache/x.metadata": b"x"}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return root


@pytest.fixture
def mirror():
    """Give a running mirror without repositories."""
    with Mirror(token=TOKEN) as running:
        yield running


@pytest.fixture
def sha(mirror, folder):
    """Put the folder on the mirror as org/tiny and give its commit."""
    return mirror.add_repo(REPO, folder)


@pytest.fixture
def session():
    """Give a session that keeps its connections, and closes them."""
    with requests.Session() as session:
        yield session


@pytest.fixture
def ask(mirror, session):
    """Ask the mirror for a path; a resolve address when the path does not begin with a slash."""

    def ask(path, method="GET", **options):
        target = path if path.startswith("/") else f"/{REPO}/resolve/main/{path}"
        return session.request(method, mirror.url + target, **{"timeout": 30, "allow_redirects": False, **options})

    return ask


@pytest.fixture
def wire(mirror):
    """Speak to the mirror by socket: send bytes, give all that comes until the end."""

    def wire(text, url=None):
        address = urlsplit(url or mirror.url)
        with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
            connection.sendall(text)
            with connection.makefile("rb") as stream:
                return stream.read()

    return wire


@pytest.fixture
def hub(tmp_path):
    """Run code on the real huggingface_hub against an endpoint, and give what it printed as JSON."""

    def hub(code, *, url, token=None):
        prelude = "import json\nfrom huggingface_hub import HfApi, hf_hub_download, snapshot_download\n"
        done = _run(["-c", prelude + code], tmp_path, url, token)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return hub


@pytest.fixture
def hf(tmp_path):
    """Run the real `hf` command against an endpoint."""

    def hf(*words, url, token=None):
        return _run(["-c", "from huggingface_hub.cli.hf import main; main()", *words], tmp_path, url, token)

    return hf


def _run(words, home, url, token):
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    settings = {
        "HF_ENDPOINT": url,
        "HF_HOME": str(home / "home"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    identity = {"HF_TOKEN": token} if token else {}
    environment = {**mine, **settings, **identity}
    return subprocess.run(  # noqa: PLW1510 - the caller looks at the code
        [sys.executable, *words], env=environment, capture_output=True, text=True, timeout=120
    )
