"""Requests made from the API's own description: no answer is a server error or other than described."""

import copy

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from webtools import OURS, running, visit

EXAMPLES = 20  # per route, for what fits the description and for what does not


@pytest.fixture
def app(tmp_path):
    with running(tmp_path, 40) as started:
        yield started


def described(app):
    """The description without what this test always sends right: the cookie and the header against forgery."""
    raw = copy.deepcopy(app.openapi())
    for methods in raw["paths"].values():
        for route in methods.values():
            route.pop("security", None)
            route["parameters"] = [each for each in route.get("parameters", []) if each["name"] != "x-zahir"]
    schema = schemathesis.openapi.from_dict(raw)
    schema.app = app
    return schema


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_answers_are_as_described(app, mode, subtests):
    cookies = dict(visit(app).cookies)
    asked = 0
    for result in described(app).get_all_operations():
        operation = result.ok()
        takes = operation.definition.raw
        if mode is GenerationMode.NEGATIVE and not takes["parameters"] and "requestBody" not in takes:
            continue  # nothing can be wrong
        if "application/octet-stream" in takes.get("requestBody", {}).get("content", {}):
            continue  # no description can say which bytes are a taste: see test_web_tastes.py

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
        def check(case):
            case.call_and_validate(headers=OURS, cookies=cookies)

        with subtests.test(operation.label):
            asked += 1
            check()
    assert asked >= 8
