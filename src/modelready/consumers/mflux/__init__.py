"""
mflux, 0.13 to 0.24: which commit it opens, where it looks for weights and tokenizers, and when it asks the network.

docs/mflux.md tells the rules and their sources.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelready.consumers.mflux import finding, targets
from modelready.consumers.mflux.versions import Target, UnknownTarget
from modelready.model import Fault

if TYPE_CHECKING:
    from modelready.consumers.setting import Setting

__all__ = ["Target", "UnknownTarget", "faults"]


def faults(setting: Setting, target: Target | None = None) -> tuple[Fault, ...]:
    """
    Tell why mflux would not find the model of *setting* without the network, or would load less than the whole.

    *target* is the mflux in question; without one it is what ``MODELREADY_MFLUX`` names, or the one that is installed
    here, or the newest that is known.
    """
    try:
        chosen = target or targets.chosen(setting.environ)
    except UnknownTarget as error:
        return (Fault(targets.VARIABLE, str(error)),)
    return finding.faults(setting, chosen)
