"""
Ask one released mflux about many caches: the program that the tests run with the Python that has it.

The questions are put by modelready's own program for that; only the cache changes from case to case, which mflux and
huggingface_hub read once, at import.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path

from huggingface_hub import constants

TRIAL = Path(__file__).parents[4] / "src" / "modelready" / "consumers" / "mflux" / "trial.py"


def main() -> None:
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        cases = json.load(sys.stdin)
        spec = importlib.util.spec_from_file_location("trial", TRIAL)
        trial = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(trial)
        from mflux.models.common.resolution import path_resolution  # noqa: PLC0415 - PYTHONPATH says which

        sys.addaudithook(trial._close_sockets)
        for case in cases:
            constants.HF_HUB_CACHE = path_resolution.HF_HUB_CACHE = case["cache"]
            os.chdir(case["cwd"])
            pin(case["pins"])
            told = [trial._answer(question) for question in case["questions"]]
            answers.write(json.dumps({"told": told, "picked": picked(path_resolution.PathResolution, case)}) + "\n")
            answers.flush()


def pin(commits):
    """Let mflux ask for *commits* as well, where it asks for any: those of a mirror cannot be those of the Hub."""
    try:
        from mflux.models.common.resolution.model_revisions import ModelRevisions  # noqa: PLC0415 - from 0.23 on
    except ImportError:
        return
    ModelRevisions.PINNED.update(commits)


def picked(resolution, case):
    """Give the snapshot that mflux would open without the network, by weights alone."""
    looks = [one for one in case["questions"] if one["kind"] == "weights" and one["path"] == case["repo"]]
    try:
        found = [resolution._find_complete_cached_snapshot(case["repo"], one["patterns"]) for one in looks]
    except OSError as error:
        return type(error).__name__
    return [one and one.name for one in found]


if __name__ == "__main__":
    main()
