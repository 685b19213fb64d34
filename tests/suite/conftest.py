"""What tests of the whole suite need: certificates as data."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Outcome:
    """How a run ended, and what its certificate says."""

    status: int
    text: str
    certificate: dict

    @property
    def predicate(self):
        """Give the certificate's predicate."""
        return self.certificate["predicate"]

    @property
    def failed(self):
        """Give the ids of the checks that failed."""
        return self.predicate["failedTests"]

    @property
    def passed(self):
        """Give the ids of the checks that passed."""
        return self.predicate["passedTests"]

    def model(self, name):
        """Give what the certificate says of a model."""
        return next(one for one in self.predicate["modelready"]["models"] if one["name"] == name)


@pytest.fixture
def judged():
    """Give a function that runs the suite on a machine and reads its certificate."""

    def run(machine, command="certify", *options):
        path = machine.place / "certificate.json"
        path.unlink(missing_ok=True)
        done = machine.run(command, "--certificate", str(path), *options)
        text = done.stdout + done.stderr
        return Outcome(done.returncode, text, json.loads(path.read_text()) if path.exists() else {})

    return run
