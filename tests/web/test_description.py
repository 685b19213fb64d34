"""OpenAPI says what is so: every call is tried with values made from its own description."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error

from modelready.web import answers

EXAMPLES = [
    pytest.param(one, id=one.__name__)
    for one in vars(answers).values()
    if isinstance(one, type) and issubclass(one, answers.BaseModel) and one is not answers.BaseModel
]


def test_every_answer_is_as_described(served):
    """Statuses, media types, headers and bodies; no value makes a server fault."""
    schema = schemathesis.openapi.from_url(f"{served.url}/openapi.json").exclude(path="/api/events")
    operations = [found.ok() for found in schema.get_all_operations()]

    for operation in operations:
        _hold(operation)

    assert len(operations) == 16


def _hold(operation):
    """Try *operation* a few times."""

    @settings(
        max_examples=8,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def conforms(case):
        is_probe = operation.path == "/readyz"  # its 503 is what it is asked for
        case.call_and_validate(timeout=60, excluded_checks=[not_a_server_error] if is_probe else [])

    conforms()


@pytest.mark.parametrize("answer", EXAMPLES)
def test_every_example_is_one(answer):
    """Who builds on the description builds on its examples."""
    (example,) = answer.model_config["json_schema_extra"]["examples"]

    assert answer.model_validate(example).model_dump(mode="json").keys() >= example.keys()


def test_the_documents_ask_nobody_else(served):
    """The list of calls is a page without scripts."""
    page = served.get("/docs").text

    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert "/api/model-download/{model_id}/start" in page
