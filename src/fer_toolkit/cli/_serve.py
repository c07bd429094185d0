"""``fer-toolkit serve``."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from fer_toolkit.cli._options import Classifier, Detector
from fer_toolkit.cli._quiet import native_messages_hidden


def serve(
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; 0.0.0.0 is all networks.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="0 for a free one.")] = 8000,
    detector: Detector = "auto",
    classifier: Classifier = "default",
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            envvar="FER_TOOLKIT_TOKEN",
            help="What requests must bring as a bearer token. Other users of this machine can read what is given here; "
            "FER_TOOLKIT_TOKEN they can't.",
        ),
    ] = None,
    max_bytes: Annotated[int, typer.Option(metavar="N", min=1, help="Longest request, bytes.")] = 16 * 1024 * 1024,
    max_pixels: Annotated[int, typer.Option(metavar="N", min=1, help="Largest picture, pixels.")] = 25_000_000,
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Pictures at a time.  [default: as many as processors, up to 8]"),
    ] = None,
    queue: Annotated[int, typer.Option(metavar="N", min=0, help="Requests that may wait; more get 429.")] = 16,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", help="After which a request gets 503.")] = 30.0,
    save_uploads: Annotated[
        Path | None, typer.Option(metavar="DIR", file_okay=False, help="Keep the pictures in this folder.")
    ] = None,
    cors: Annotated[
        list[str] | None,
        typer.Option(metavar="ORIGIN", help="An origin whose pages may use the API; may be given several times."),
    ] = None,
) -> None:
    """Serve a page and a REST API that find faces and read emotions.

    Needs fer-toolkit[web]. Ctrl-C, or SIGTERM, ends it when what is under way is done.

    \b
    Examples:
      fer-toolkit serve
      fer-toolkit serve --port 8080 --detector yunet
      FER_TOOLKIT_TOKEN=secret fer-toolkit serve --host 0.0.0.0
    """  # noqa: D301  # \b keeps the lines of the examples apart
    from fer_toolkit.recognizer import EmotionRecognizer
    from fer_toolkit.web import create_app, create_server
    from fer_toolkit.web.server import is_local, stopped_by_signals

    given = {} if workers is None else {"workers": workers}
    with native_messages_hidden():
        app = create_app(
            EmotionRecognizer(detector, classifier),
            token=token or None,
            max_bytes=max_bytes,
            max_pixels=max_pixels,
            queue=queue,
            timeout=timeout,
            save_uploads=save_uploads,
            cors_origins=cors or (),
            **given,
        )
    server = create_server(app, host, port)
    if token is None and not is_local(server):
        logging.getLogger("fer_toolkit").warning(
            "whoever reaches %s may use it: give a --token, or listen on 127.0.0.1", server.address
        )
    _log_requests()
    with stopped_by_signals(server):
        typer.echo(f"Serving on {server.address} (Ctrl-C ends it)")
        sys.stdout.flush()  # who starts it from a program reads the address here
        server.run()


def _log_requests() -> None:
    """A line on standard error for each request."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%dT%H:%M:%S%z"))
    log = logging.getLogger("fer_toolkit.web")
    log.addHandler(handler)
    log.propagate = False
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # the metrics tell how many wait
