"""The pytest side of modelready: `-p modelready.suite`, or one line in a checkout's conftest.py."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from modelready.errors import ModelreadyError
from modelready.suite import naming, options

if TYPE_CHECKING:
    from modelready.suite.state import Suite

pytest_plugins = ("modelready.fixtures.models", "modelready.fixtures.consumers", "modelready.fixtures.machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the suite's options."""
    options.add(parser)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Read catalogs and environment, where checks were asked for; elsewhere do nothing at all."""
    if not _were_checks_asked(config):
        return
    from modelready.suite.session import Session  # noqa: PLC0415 - heavy, and needed only for checks

    suite = _read(config)
    for word in sorted({word for model in suite.models.values() for word in naming.words(model)}):
        config.addinivalue_line("markers", f"{word}: of the catalog")
    config.pluginmanager.register(Session(config, suite), "modelready-session")


def _read(config: pytest.Config) -> Suite:
    from modelready.suite import state  # noqa: PLC0415 - heavy, and needed only for checks

    try:
        suite = state.read(options.given(config), run=getattr(config, "workerinput", {}).get("modelready_run"))
    except ModelreadyError as error:
        raise pytest.UsageError(*str(error).splitlines()) from error
    config.stash[state.KEY] = suite
    return suite


def _were_checks_asked(config: pytest.Config) -> bool:
    """Tell whether the paths of this run hold checks, and anything will run."""
    if config.option.help or config.option.version or getattr(config.option, "markers", False):
        return False
    here = config.invocation_params.dir
    paths = [Path(here, arg.partition("::")[0]).resolve() for arg in config.args]
    checks = naming.folder()
    return any(path == checks or checks in path.parents or path in checks.parents for path in paths)
