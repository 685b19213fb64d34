"""The first bytes of a file at its source: enough for a header, where somebody wants to know what changed."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from modelready.errors import SourceError
from modelready.network.faults import Passing
from modelready.network.http import FAULTS, Client
from modelready.sources.asking import cut_after

if TYPE_CHECKING:
    from modelready.network.access import Access

_MOST_S = 30.0
_GOOD = frozenset({200, 206})


def peek(access: Access, url: str, count: int) -> bytes:
    """Give at most the first *count* bytes of *url*; none where they do not come: nothing depends on them."""
    try:
        with closing(Client(access)) as client, cut_after(_MOST_S, client):
            reply = client.get(url, asking={"Range": f"bytes=0-{count - 1}"}, timeout_s=access.timeout_s)
            with closing(reply.response) as response:
                if response.status_code not in _GOOD:
                    return b""
                content: bytes = response.raw.read(count)
                return content
    except (Passing, SourceError, *FAULTS):
        return b""
