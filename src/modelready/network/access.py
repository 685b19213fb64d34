"""How a source is spoken to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelready.errors import SourceError
    from modelready.network.faults import Passing
    from modelready.network.http import Reply

#: What an answer means that this source alone gives, for good or Passing; None where the status says all.
Meaning: TypeAlias = "Callable[[Reply], SourceError | Passing | None]"


@dataclass(frozen=True)
class Access:
    """How a source is spoken to: whose token, how patiently."""

    endpoint: str
    token: str | None = field(default=None, repr=False)
    user_agent: str = "modelready"
    timeout_s: float = 10.0  # each read of a socket
    max_retries: int = 5  # tries without a single new byte
    silence_s: float = 45.0  # silence of one file, retries included, after which it is given up
    token_name: str = "HF_TOKEN"  # noqa: S105 - the name of a variable, for the remedy in errors
    endpoint_name: str = "HF_ENDPOINT"  # as above
    meaning: Meaning | None = field(default=None, repr=False, compare=False)  # of answers only this source gives
