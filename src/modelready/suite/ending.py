"""With which exit status a run ends: the table of the contract, as a function."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from modelready.suite import gathering as gatherings

if TYPE_CHECKING:
    from modelready.suite.gathering import Gathering
    from modelready.suite.state import Suite

PROVED, NOT_PROVED, INTERRUPTED, BUG, REQUEST, NOTHING = range(6)
_MOST = 20  # models named on a screen


def exit_status(pytest_status: int, gathering: Gathering, suite: Suite, *, bug: BaseException | None = None) -> int:
    """Give the exit status of a run that pytest would end with *pytest_status*."""
    if bug is not None or gathering.has_collection_errors or pytest_status == pytest.ExitCode.INTERNAL_ERROR:
        return BUG
    if pytest_status in {pytest.ExitCode.INTERRUPTED, pytest.ExitCode.USAGE_ERROR}:
        return pytest_status
    required = [one for one in gatherings.judged(gathering, suite) if one.is_required and one.verdict != "not selected"]
    if not required:
        return NOT_PROVED if pytest_status == pytest.ExitCode.TESTS_FAILED else NOTHING
    if pytest_status != pytest.ExitCode.OK or any(one.verdict != "proved" for one in required):
        return NOT_PROVED
    return PROVED


def is_worth_a_certificate(status: int, gathering: Gathering) -> bool:
    """Tell whether anything was judged that a certificate could speak of."""
    return status in {PROVED, NOT_PROVED, INTERRUPTED} and bool(gathering.items)


def why_nothing(suite: Suite, gathering: Gathering) -> str:
    """Say which variable would turn a model on, where nothing was required or selected."""
    off = {name: one for name, one in suite.decisions.items() if not one.is_required and name in suite.models}
    if not suite.models:
        return f"no model is named like {', '.join(suite.options.models)}; `modelready status` lists the models"
    selected = {name: one for name, one in off.items() if name in gathering.selected}
    if suite.required and not selected:
        return "no required model was selected; loosen -k, -m or --model"
    reasons = [f"  {name}: {one.because}" for name, one in (selected or off).items()]
    more = [f"  … {len(reasons) - _MOST} more: `modelready status`"] if len(reasons) > _MOST else []
    what = "none of the selected models is required here" if suite.required else "no model is required here"
    return "\n".join([f"{what}; turn one on:", *reasons[:_MOST], *more, "or name one: --require NAME"])
