"""How the suite is called: pytest in a process of its own, deaf to the settings of whoever calls it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from modelready import packaged

#: Plugins of pytest that would act on every one of thousands of checks, and that none of them uses.
_NEEDLESS = ("cacheprovider", "logging", "unraisableexception", "threadexception", "setuponly", "setupplan")


def suite_command(arguments: list[str]) -> list[str]:
    """Give the command that runs the suite with *arguments* in this folder."""
    settings = Path(__file__).parent / "suite.ini"
    plugins = ["-p", "xdist.plugin", "-p", "modelready.suite", "-p", "modelready.suite.wording"]
    plugins += [word for name in _NEEDLESS for word in ("-p", f"no:{name}")]
    place = ["-c", str(settings), "--rootdir", "."]
    return [sys.executable, "-P", "-m", "pytest", *plugins, *place, str(packaged.folder("checks")), *arguments]


def suite_environment() -> dict[str, str]:
    """Give this environment without what would change the suite's behaviour."""
    deaf = {name: value for name, value in os.environ.items() if name not in {"PYTEST_ADDOPTS", "PYTEST_PLUGINS"}}
    # The workers of xdist start a Python of their own: they too must not import from the working directory.
    return deaf | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONSAFEPATH": "1"}
