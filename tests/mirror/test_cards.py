"""The card of a repository: what the API tells of its README.md."""

from __future__ import annotations

import pytest
import requests

from modelready.mirror import Mirror


def told(tmp_path, readme):
    """Give what the API says of a repository with this README.md."""
    (tmp_path / "README.md").write_bytes(readme)
    with Mirror() as hub:
        hub.add_repo("acme/tiny", tmp_path)
        return requests.get(f"{hub.url}/api/models/acme/tiny", timeout=30).json()


def test_the_first_lines_are_the_card(tmp_path):
    """As the Hub tells it: the licence among the tags too."""
    card = "---\nlicense: mit\ntags: [a, 7]\nlibrary_name: diffusers\ndate: 2024-01-02\n---\n# Tiny\n"

    answer = told(tmp_path, card.encode())

    assert answer["cardData"] == {"license": "mit", "tags": ["a", 7], "library_name": "diffusers", "date": "2024-01-02"}
    assert answer["tags"] == ["a", "7", "license:mit"]
    assert answer["library_name"] == "diffusers"


@pytest.mark.parametrize(
    "readme",
    [
        pytest.param(b"# Tiny", id="none"),
        pytest.param(b"---\nlicense: mit\n", id="no end"),
        pytest.param(b"---\n: [\n---\n", id="no YAML"),
        pytest.param(b"---\n- a\n---\n", id="a list"),
        pytest.param(b"---\n\xff\x00\n---\n", id="no text"),
        pytest.param(b"", id="empty"),
    ],
)
def test_what_is_no_card_is_passed_over(tmp_path, readme):
    """The repository is served all the same."""
    answer = told(tmp_path, readme)

    assert "cardData" not in answer
    assert answer["tags"] == []


def test_lines_of_windows_and_a_mark_are_read(tmp_path):
    """Editors leave them."""
    assert told(tmp_path, b"\xef\xbb\xbf---\r\nlicense: [mit, apache-2.0]\r\n---\r\n")["tags"] == [
        "license:mit",
        "license:apache-2.0",
    ]
