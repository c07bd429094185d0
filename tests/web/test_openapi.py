"""The OpenAPI document: it holds, whatever is sent."""

import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from fer_toolkit.web import create_app
from fer_toolkit.web._openapi import OPERATIONS

schemathesis = pytest.importorskip("schemathesis", reason='needs "fer-toolkit[dev]"')

DOCUMENT = "/api/v1/openapi.json"
RECOGNIZE = OPERATIONS[0]


def picture(kind):
    file = io.BytesIO()
    Image.effect_noise((32, 24), 50).save(file, kind)
    return file.getvalue()


# Most of what is sent is a picture, or nearly one: of random bytes all are refused by the first.
PICTURES = st.sampled_from([picture(kind) for kind in ("PNG", "JPEG", "GIF", "BMP")])
DAMAGED = st.builds(lambda data, end: data[:end], PICTURES, st.integers(0, 200))
for content_type in ("image/*", "application/octet-stream"):
    schemathesis.openapi.media_type(content_type, PICTURES | DAMAGED | st.binary(max_size=100))


@pytest.fixture(scope="module")
def described(recognizer):
    return schemathesis.openapi.from_wsgi(DOCUMENT, create_app(recognizer, detectors=["none"], max_bytes=100_000))


def test_the_document_names_all_operations_and_what_they_may_end_with(client):
    asking = client(token="right", detectors=["none"])
    document = asking.get(DOCUMENT, headers={"Authorization": "Bearer right"}).get_json()
    assert document["openapi"] == "3.1.0"
    for operation in OPERATIONS:
        described = document["paths"][operation.path][operation.method.lower()]
        assert ("401" in described["responses"]) == ("security" in described) == (not operation.is_open)
    recognize = document["paths"]["/api/v1/recognize"]["post"]
    assert set(recognize["responses"]) == {"200", "400", "401", "413", "415", "422", "429", "503"}
    parameters = {each["name"]: each["schema"] for each in recognize["parameters"]}
    assert parameters["detector"] == {"type": "string", "enum": ["haar", "none"], "default": "haar"}


def test_without_a_token_the_document_asks_for_none(client):
    document = client().get(DOCUMENT).get_json()
    assert all("401" not in each["responses"] for path in document["paths"].values() for each in path.values())


@pytest.mark.parametrize(
    ("operation", "mode", "examples"),
    [
        *((each, "POSITIVE", 100 if each.name == "recognize" else 5) for each in OPERATIONS),
        (RECOGNIZE, "NEGATIVE", 100),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_every_answer_is_as_the_document_says(described, operation, mode, examples):
    cases = described[operation.path][operation.method].as_strategy(
        generation_mode=getattr(schemathesis.GenerationMode, mode)
    )
    # A schema can't say which bytes are a picture: to refuse those that are none is right.
    excluded = [schemathesis.checks.CHECKS.get_one("positive_data_acceptance")]

    @settings(max_examples=examples, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(cases)
    def check(case):
        case.call_and_validate(excluded_checks=excluded)

    check()
