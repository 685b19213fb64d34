"""The CivitAI that tests speak to refuses as the real one does: who makes the old mistakes meets them here."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest
import requests

from modelready.errors import RequestError
from modelready.mirror import Civitai

AGENT = {"User-Agent": "curl/8"}


@pytest.fixture
def get(civitai, weights):
    """Give a function that asks for the one file of version 1, which only the token opens."""
    civitai.offer(1, weights)
    civitai.set_terms(1, "token")

    def ask(query="", method="GET", **options):
        headers = AGENT | options.pop("headers", {})
        url = f"{civitai.url}/api/download/models/1{query}"
        return requests.request(method, url, headers=headers, timeout=30, **options)

    return ask


def test_a_token_forwarded_to_the_signed_address_is_answered_400(get, token):
    """Wget does so; requests drops the header on the way, and gets the file."""
    key = {"Authorization": f"Bearer {token}"}
    target = get(headers=key, allow_redirects=False).headers["Location"]

    forwarded = requests.get(target, headers=AGENT | key, timeout=30)

    assert (forwarded.status_code, get(headers=key).status_code) == (400, 200)
    assert "response-content-disposition=attachment" in target


def test_head_is_answered_401_with_a_good_token(get, token):
    """A ranged GET is what works."""
    key = {"Authorization": f"Bearer {token}"}

    assert get(method="HEAD", headers=key).status_code == 401
    assert get(headers=key | {"Range": "bytes=0-0"}).headers["Content-Range"] == "bytes 0-0/200000"


def test_urllibs_own_name_is_answered_403(civitai):
    """Nobody said so to the script that used it."""
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{civitai.url}/api/v1/model-versions/1", timeout=30)


def test_the_login_page_comes_with_status_200(get, civitai):
    """And is saved as a model by whoever looks at the status alone."""
    civitai.set_terms(1, "login-page")

    page = get()
    told = get(headers={"Content-Type": "application/json"})

    assert (page.status_code, page.headers["Content-Type"].split(";")[0]) == (200, "text/html")
    assert (told.status_code, told.json()["error"]) == (401, "Unauthorized")


def test_a_token_in_the_address_opens_too(get, token):
    """Scripts write it so; this source does not."""
    assert get(f"?token={token}").status_code == 200
    assert get("?token=wrong").status_code == 401


def test_an_expired_address_is_refused(get, civitai, token):
    """It has to be asked for anew."""
    target = get(f"?token={token}", allow_redirects=False).headers["Location"]
    civitai.expire_urls()

    assert requests.get(target, headers=AGENT, timeout=30).status_code == 403


def test_a_taken_port_costs_one_line(civitai):
    """Where to look is said."""
    port = int(civitai.url.rpartition(":")[2])

    with pytest.raises(RequestError, match=f"cannot listen on 127.0.0.1 port {port}"):
        Civitai(port=port).start()


def test_after_a_stop_the_same_port_serves_again(civitai, weights):
    """Who wrote the endpoint down need not do so again."""
    civitai.offer(1, weights)
    url = civitai.url
    civitai.stop()
    civitai.start()
    civitai.start()

    assert civitai.url == url
    assert requests.get(f"{url}/api/v1/model-versions/1", headers=AGENT, timeout=30).json()["id"] == 1
    assert requests.get(f"{url}/elsewhere", headers=AGENT, timeout=30).status_code == 404
