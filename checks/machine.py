"""The machine leads every program to the same place, and gives no token away."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelready.inspection.tokens import Looked
    from modelready.model import Fault
    from modelready.suite.judging import Judge


def test_variables_agree(variable_faults: tuple[Fault, ...], judge: Judge) -> None:
    """
    HF_HOME, HF_HUB_CACHE and their older names point at one cache.

    Mend: set HF_HOME (or HF_HUB_CACHE) alone, and unset the older names.
    """
    judge(variable_faults)


def test_comfyui_finds_its_models(
    workflow_faults: tuple[Fault, ...], workflow_doubts: tuple[Fault, ...], judge: Judge
) -> None:
    """
    Every model that a workflow names is found by ComfyUI, and extra_model_paths.yaml leads to folders.

    Mend: add the model to the catalog, or name it in the workflow as ComfyUI lists it, folder and case included.
    """
    judge.warn(workflow_doubts)
    judge(workflow_faults)


def test_keeps_no_tokens(token_search: Looked, judge: Judge) -> None:
    """
    No access token lies among the models or in a certificate.

    Mend: revoke it, take it out, and give the new one in the environment (HF_TOKEN, CIVITAI_TOKEN).
    """
    judge.warn(token_search.doubts)
    judge(token_search.faults)
