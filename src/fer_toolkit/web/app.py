"""The Flask application: routes, and what all requests and answers have in common."""

from __future__ import annotations

import functools
import hmac
import logging
import time
from typing import TYPE_CHECKING, Any

from fer_toolkit._optional import require
from fer_toolkit.errors import FerToolkitError, ImageError, OptionError
from fer_toolkit.recognizer import EmotionRecognizer
from fer_toolkit.registry import check_options
from fer_toolkit.web import _openapi
from fer_toolkit.web._answers import HEADERS, PROBLEM_TYPE, RETRY_AFTER, problem, too_large
from fer_toolkit.web._metrics import CONTENT_TYPE as METRICS_TYPE
from fer_toolkit.web._service import Service
from fer_toolkit.web._uploads import NoPictureError, WrongTypeError, check_type, read_picture
from fer_toolkit.web._workers import DeadlineError, QueueFullError
from fer_toolkit.web.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask, Response
    from werkzeug.exceptions import HTTPException

EXTENSION = "fer_toolkit"
"""The entry of ``app.extensions`` that holds the application's :class:`Service`."""

_OPEN = {"page", "static", *(operation.name for operation in _openapi.OPERATIONS if operation.is_open)}
"""What needs no token: it tells nothing of anybody, and the page has to ask for the token."""

_STATUS: dict[type[Exception], int] = {  # the first that fits
    QueueFullError: 429,
    DeadlineError: 503,
    OptionError: 400,
    NoPictureError: 400,
    WrongTypeError: 415,
    ImageError: 422,
    FerToolkitError: 503,  # a part that can't be built or fails
}

_log = logging.getLogger("fer_toolkit.web")
_web = functools.partial(require, extra="web", feature="the web service")


def create_app(recognizer: EmotionRecognizer | None = None, **settings: Any) -> Flask:
    """Make the page and the REST service as a Flask application (needs ``fer-toolkit[web]``).

    Serve it with :func:`~fer_toolkit.web.create_server` or any WSGI server, or mount it in an application of yours: all
    its addresses are relative.

    Parameters
    ----------
    recognizer
        Makes the results of requests that choose no detector or classifier. By default
        :class:`~fer_toolkit.EmotionRecognizer` as it is built without arguments.
    **settings
        The fields of :class:`Settings`.

    Returns
    -------
    flask.Flask
        The application. Its ``config["FER_TOOLKIT"]`` holds the settings.

    Raises
    ------
    OptionError
        If a setting is unknown or out of its range.
    UnknownNameError
        If a detector or a model that is allowed does not exist.
    MissingExtraError
        If Flask is not installed.

    Examples
    --------
    >>> from fer_toolkit import EmotionRecognizer
    >>> app = create_app(EmotionRecognizer("haar"), max_bytes=1_000_000)
    >>> with open("examples/images/astronaut.jpg", "rb") as picture:
    ...     answer = app.test_client().post("/api/v1/recognize", data={"image": picture})
    >>> [face["emotion"] for face in answer.get_json()["faces"]]
    ['happy']
    """
    flask = _web("flask")
    check_options("create_app", Settings, settings)
    checked = Settings(**settings)
    service = Service(recognizer if recognizer is not None else EmotionRecognizer(), checked)
    app: Flask = flask.Flask("fer_toolkit.web")
    app.config["FER_TOOLKIT"] = checked  # the page tells whether pictures are kept
    app.extensions[EXTENSION] = service
    app.json.sort_keys = False  # type: ignore[attr-defined]  # labels stay in the classifier's order
    _add_routes(app, service)
    _add_checks(app, checked)
    _add_answers(app, service)
    return app


def _add_routes(app: Flask, service: Service) -> None:
    flask = _web("flask")

    def page() -> str:
        return str(flask.render_template("index.html"))

    def recognize() -> dict[str, Any]:
        request = flask.request
        environ, mimetype, max_bytes = request.environ, request.mimetype, service.settings.max_bytes
        if (request.content_length or 0) > max_bytes:
            flask.abort(413)
        check_type(mimetype)
        return service.recognize(lambda: read_picture(environ, mimetype, max_bytes), _query()).to_dict()

    def metrics() -> Response:
        workers = service.workers
        text = service.metrics.text(running=workers.running, waiting=workers.waiting)
        return app.response_class(text, content_type=METRICS_TYPE)

    def ready() -> dict[str, str]:
        if service.workers.is_full:
            flask.abort(503, "all workers are busy and the queue is full")
        return {"status": "ready"}

    app.add_url_rule("/", "page", page)
    views: dict[str, Callable[[], Any]] = {
        "recognize": recognize,
        "models": service.models,
        "detectors": service.list_detectors,
        "openapi": lambda: _openapi.document(service, flask.request.script_root or "/"),
        "health": lambda: {"status": "alive"},
        "ready": ready,
        "metrics": metrics,
    }
    for operation in _openapi.OPERATIONS:
        app.add_url_rule(operation.path, operation.name, views[operation.name], methods=[operation.method])


def _query() -> dict[str, list[str]]:
    """The parameters of the request, each with all the values that it was given."""
    flask = _web("flask")
    try:
        return dict(flask.request.args.lists())
    except UnicodeDecodeError:
        raise OptionError("the query must be UTF-8, with all but ASCII percent-encoded") from None


def _add_checks(app: Flask, settings: Settings) -> None:
    flask = _web("flask")

    @app.before_request
    def check() -> Response | None:
        request = flask.request
        flask.g.started = time.monotonic()
        origin = _allowed_origin(settings)
        if origin and request.method == "OPTIONS":  # a browser asks before it sends, and brings no token yet
            return app.response_class(status=204)
        if settings.token is not None and request.endpoint not in _OPEN and not _has_token(settings.token):
            flask.abort(401, "this server wants a token, sent as the header Authorization: Bearer TOKEN")
        return None

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.extend(HEADERS)
        if flask.request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        if settings.cors_origins:
            response.vary.add("Origin")
        if origin := _allowed_origin(settings):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Allow-Methods"] = "GET, POST"
            response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        return response


def _allowed_origin(settings: Settings) -> str | None:
    """The origin of the page that sends the request, where it is one of those that may."""
    flask = _web("flask")
    origin: str | None = flask.request.headers.get("Origin")
    return origin if origin in settings.cors_origins or "*" in settings.cors_origins else None


def _has_token(token: str) -> bool:
    flask = _web("flask")
    scheme, _, given = flask.request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())


def _add_answers(app: Flask, service: Service) -> None:
    flask = _web("flask")
    exceptions = _web("werkzeug.exceptions")

    @app.errorhandler(Exception)
    def answer(error: Exception) -> Response | HTTPException:
        http: HTTPException
        if isinstance(error, exceptions.HTTPException):
            http = error
        else:
            status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)
            http = exceptions.default_exceptions[status](_detail(error, status, service.settings))
        if http.code is None or http.code < 400:  # a redirection
            return http
        detail = too_large(service.settings.max_bytes) if http.code == 413 else http.description or ""
        response: Response = flask.make_response(http.get_response())  # with the headers of its own, such as Allow
        response.data, response.content_type = problem(http.code, detail), PROBLEM_TYPE
        if http.code == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
        if http.code in (429, 503):
            response.headers["Retry-After"] = RETRY_AFTER
        return response

    @app.after_request
    def note(response: Response) -> Response:
        route = flask.request.endpoint or "none"
        service.metrics.add_request(route, response.status_code)
        seconds = time.monotonic() - flask.g.started
        # No address as it was asked for: it may hold a name.
        _log.info("%s %s %d %.0f ms", flask.request.method, route, response.status_code, 1000 * seconds)
        return response


def _detail(error: Exception, status: int, settings: Settings) -> str:
    """What a client is told: its own mistakes in full, and nothing of this machine."""
    if isinstance(error, QueueFullError):
        return f"all workers are busy and {settings.queue} requests wait; try again soon"
    if isinstance(error, DeadlineError):
        return f"there was no result within {settings.timeout:g} seconds; try again, or send a smaller picture"
    if status < 500:
        return str(error)
    _log.error("a request failed", exc_info=error)
    return "the server failed; its log says why"
