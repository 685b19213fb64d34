"""Turns the suite on for this checkout."""

pytest_plugins = ["modelready.suite"]
