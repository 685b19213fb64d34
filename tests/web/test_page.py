"""The page's files as the server gives them, and what only somebody who watches notices."""

from __future__ import annotations

import requests


def test_the_page_and_its_files_come_under_a_strict_policy(site):
    """Nothing but the page's own files may run, and a browser asks whether they are still the same."""
    site.start()

    answers = [requests.get(f"{site.url}{path}", timeout=30) for path in ("/", "/page/app.js", "/page/style.css")]

    types = ["text/html; charset=utf-8", "text/javascript; charset=utf-8", "text/css; charset=utf-8"]
    assert [one.headers["content-type"] for one in answers] == types
    for one in answers:
        assert one.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; ")
        assert "unsafe" not in one.headers["content-security-policy"]
        assert one.headers["cache-control"] == "no-cache"


def test_the_first_certificate_of_a_machine_is_told_too(site):
    """Who watches the first certification must not have to reload."""
    feed = site.start().service.feed
    assert not any(feed._is_certified_anew() for _ in range(2))
    path = site.place / "state" / "last-certificate.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")

    assert feed._is_certified_anew()
    assert not feed._is_certified_anew()
