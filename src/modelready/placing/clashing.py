"""Models whose sources, once asked, turn out to write one path differently: none of them is brought."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelready import clashes
from modelready.clashes import Claim
from modelready.errors import ModelreadyError, RequestError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modelready.placing.planning import Plan


def without_clashes(found: Sequence[Plan | ModelreadyError]) -> list[Plan | ModelreadyError]:
    """Replace the plans that would write one path differently by the error that says so, on both sides."""
    claimed = [claim for plan in found if not isinstance(plan, ModelreadyError) for claim in _claims(plan)]
    refused: dict[str, RequestError] = {}
    for claim, earlier, why in clashes.find(claimed):
        refused.setdefault(claim.model, _refusal(claim, earlier, why))
        refused.setdefault(earlier.model, _refusal(earlier, claim, why))
    return [plan if isinstance(plan, ModelreadyError) else refused.get(plan.model.name, plan) for plan in found]


def _claims(plan: Plan) -> Iterator[Claim]:
    """Give what *plan* would leave behind; names in a Hub cache are no choice of the catalog."""
    if plan.model.layout != "folder":
        return
    for one in plan.placed.files:
        yield Claim(plan.model.name, one.place, plan.model.source, one.path, one.size, one.digests)


def _refusal(claim: Claim, other: Claim, why: str) -> RequestError:
    what = f"{claim.path!r} would be written to {claim.place}, and so would {other.path!r} of {other.model!r}"
    where = "" if other.place == claim.place else f" ({other.place})"
    return RequestError(
        f"{claim.model}: {what}{where}: {why}",
        remedy="give one of them another folder or save_as, or exclude the file in one",
    )
