"""What a run finds by looking long, and need not look for again: tokenizers that work, weights that are not blank."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelready.inspection import partners, tokenizers
from modelready.inspection.findings import Findings
from modelready.trials import Trials, key_of, key_of_files, keys_of_weights

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from modelready.model import Fault, PlacedFile, PlacedModel
    from modelready.suite.state import Suite

#: What looking for blank weights may take, a model, where nobody says.
_BUDGET_S = 10.0


def tokenizer_faults(suite: Suite, model: PlacedModel, refused: Collection[str]) -> tuple[Fault, ...]:
    """Tell the tokenizers of *model* that do not work; what did with the same bytes is not loaded again."""
    folders = tokenizers.folders(model, suite.placed)
    done = _done(suite, "tokenizers")
    key = key_of(folders, suite.ground.ledger, refused=refused, trust=suite.options.trust_ledger)
    if done.went_well(key) and not suite.options.reread:
        return ()
    faults = tokenizers.unloadable(model, suite.placed, refused=refused, early=suite.early)
    if not faults:
        done.remember(key)
    return faults


def blank_weights(suite: Suite, files: Sequence[PlacedFile]) -> Findings:
    """Tell which weights in *files* are blank; what was looked at before and is the same is not looked at again."""
    given, done = suite.options, _done(suite, "weights")
    sampled, searched = keys_of_weights(files, suite.ground.ledger, "sampled", "searched", trust=given.trust_ledger)
    known = {one.path for one in files if any(done.went_well(keys.get(one.path)) for keys in (sampled, searched))}
    files = files if given.reread else [one for one in files if one.path not in known]
    if not files:
        return Findings()
    from modelready.inspection import blankness  # noqa: PLC0415 - imports numpy

    if given.reread:
        found, keys = blankness.searched(files, given.budget_s), searched
    else:
        found, keys = blankness.sampled(files, given.budget_s or _BUDGET_S), sampled
    told = {one.path for one in (*found.faults, *found.doubts)}
    for path in (one.path for one in files if one.path not in told):
        done.remember(keys.get(path))
    return found


def partner_findings(suite: Suite, model: PlacedModel, files: Sequence[PlacedFile]) -> Findings:
    """Tell which *files* of *model* contradict one another; those that agreed are not read again."""
    done = _done(suite, "partners")
    speaking = [one for one in files if partners.may_speak(one)]
    key = key_of_files(speaking, suite.ground.ledger, trust=suite.options.trust_ledger)
    if done.went_well(key) and not suite.options.reread:
        return Findings(compared=1)
    found = partners.compare(model, files)
    if found.compared and found.are_none:
        done.remember(key)
    return found


def _done(suite: Suite, kind: str) -> Trials:
    return Trials(suite.ground.settings.home / kind)
