"""Every application finds the model where it looks, and opens the whole of it with no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelready.model import Fault
    from modelready.suite.judging import Judge


def test_mflux_finds_it(mflux_faults: tuple[Fault, ...], judge: Judge) -> None:
    """
    The installed mflux, or the newest that is known, finds weights and tokenizers with no network.

    Mend: pin the commit that mflux asks for, and bring the folders that it opens; docs/mflux.md names both.
    """
    judge(mflux_faults)
