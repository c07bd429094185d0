"""The operations of the REST service, from which the routes and the OpenAPI document are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fer_toolkit.web._answers import PROBLEM_TYPE
from fer_toolkit.web._uploads import FIELD, FORM

if TYPE_CHECKING:
    from fer_toolkit.web._service import Service

_API = "/api/v1"


@dataclass(frozen=True)
class Operation:
    """One thing that a client can ask for.

    Parameters
    ----------
    name
        Of the route, and the document's ``operationId``.
    method, path
        How it is asked for.
    summary
        One line for people.
    answer
        Name of the answer's schema.
    content_type
        Of the answer.
    errors
        The statuses that it may end with, beside 200 and those that any request may.
    is_open
        Whether it needs no token.
    """

    name: str
    method: str
    path: str
    summary: str
    answer: str
    content_type: str = "application/json"
    errors: tuple[int, ...] = ()
    is_open: bool = False


OPERATIONS = (
    Operation(
        "recognize",
        "POST",
        f"{_API}/recognize",
        "Find the faces of a picture and read their emotions.",
        answer="ImageResult",
        errors=(400, 413, 415, 422, 429, 503),
    ),
    Operation("models", "GET", f"{_API}/models", "The classifiers that a request may choose.", answer="Models"),
    Operation("detectors", "GET", f"{_API}/detectors", "The detectors that a request may choose.", answer="Detectors"),
    Operation("openapi", "GET", f"{_API}/openapi.json", "This document.", answer="Document"),
    Operation("health", "GET", "/healthz", "Whether the server is alive.", answer="Status", is_open=True),
    Operation(
        "ready",
        "GET",
        "/readyz",
        "Whether a picture would be taken now.",
        answer="Status",
        errors=(503,),
        is_open=True,
    ),
    Operation(
        "metrics", "GET", "/metrics", "Counts and times for Prometheus.", content_type="text/plain", answer="Text"
    ),
)
"""All that a client can ask for, but the page."""

_ERRORS = {
    400: "A parameter or the form is wrong, or there is no picture.",
    401: "The token is missing or wrong.",
    413: "The request has too many bytes.",
    415: "It is no picture of a format that is read.",
    422: "The picture is damaged, or has too many pixels.",
    429: "The queue is full; try again soon.",
    503: "There was no result in time, or a part failed.",
}

_NUMBER = {"type": "number"}
_PROBABILITY = {"type": "number", "minimum": 0, "maximum": 1}
_TEXT = {"type": "string"}
_SIDE = {"type": "integer", "minimum": 1}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties, "additionalProperties": False}


def _list(items: dict[str, Any], **also: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **also}


_POINT = _list(_NUMBER, minItems=2, maxItems=2)

_SCHEMAS: dict[str, Any] = {
    "ImageResult": _object(
        path={"type": "null", "description": "A picture that is sent has no path."},
        width=_SIDE,
        height=_SIDE,
        detector=_TEXT,
        classifier=_TEXT,
        faces=_list({"$ref": "#/components/schemas/Face"}),
        error={"type": "null", "description": "A picture that can't be read is answered with a Problem."},
    ),
    "Face": _object(
        box=_list(_NUMBER, minItems=4, maxItems=4, description="x1, y1, x2, y2 in pixels of the upright picture."),
        detection_score=_PROBABILITY,
        landmarks={
            "description": "The eyes, the nose tip and the corners of the mouth, as the picture shows them.",
            "anyOf": [_list(_POINT, minItems=5, maxItems=5), {"type": "null"}],
        },
        emotion=_TEXT,
        confidence=_PROBABILITY,
        probabilities={"type": "object", "additionalProperties": _PROBABILITY},
    ),
    "Models": _object(
        models=_list(_object(name=_TEXT, labels=_list(_TEXT), summary=_TEXT, default={"type": "boolean"}))
    ),
    "Detectors": _object(detectors=_list(_object(name=_TEXT, default={"type": "boolean"}))),
    "Status": _object(status=_TEXT),
    "Document": {"type": "object"},
    "Text": _TEXT,
    "Problem": _object(type=_TEXT, title=_TEXT, status={"type": "integer"}, detail=_TEXT),
}


def document(service: Service, root: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of a service, with the detectors and models that it has.

    Parameters
    ----------
    service
        What it describes.
    root
        Address of the application on its host, such as ``"/"``.
    """
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths[operation.path] = {operation.method.lower(): _describe(operation, service)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "fer-toolkit", "version": "1", "description": "Faces in pictures, and their emotions."},
        "servers": [{"url": root}],
        "paths": paths,
        "components": {"schemas": _SCHEMAS, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def _describe(operation: Operation, service: Service) -> dict[str, Any]:
    has_token = service.settings.token is not None and not operation.is_open
    errors = sorted({*operation.errors, *([401] if has_token else [])})
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "responses": {
            "200": {"description": "Done.", "content": _content(operation.content_type, operation.answer)},
            **{str(status): _problem(status) for status in errors},
        },
    }
    if has_token:
        described["security"] = [{"token": []}]
    if operation.name == "recognize":
        described |= {"parameters": _parameters(service), "requestBody": _picture()}
    return described


def _content(content_type: str, schema: str) -> dict[str, Any]:
    return {content_type: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _problem(status: int) -> dict[str, Any]:
    described: dict[str, Any] = {"description": _ERRORS[status], "content": _content(PROBLEM_TYPE, "Problem")}
    if status in (429, 503):
        described["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return described


def _parameters(service: Service) -> list[dict[str, Any]]:
    def parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
        return {"name": name, "in": "query", "description": description, "schema": schema}

    return [
        parameter("detector", "What finds the faces.", _one_of(service.detectors)),
        parameter("classifier", "What reads the emotions.", _one_of(service.classifiers)),
        parameter("min_confidence", 'A face less sure than this is "uncertain".', _PROBABILITY),
    ]


def _one_of(shelf: Any) -> dict[str, Any]:
    return {"type": "string", "enum": list(shelf.names), "default": shelf.default.name}


def _picture() -> dict[str, Any]:
    picture = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
    form = {"type": "object", "required": [FIELD], "properties": {FIELD: picture}}
    bodies = {"image/*": {}, "application/octet-stream": {}, FORM: {"schema": form}}
    return {"required": True, "description": "JPEG, PNG, WebP, BMP, TIFF or GIF.", "content": bodies}
