"""The picture of a request: what it may come as, and where it may be kept."""

from __future__ import annotations

import io
import logging
import os
import time
from pathlib import Path
from typing import Any, BinaryIO

from fer_toolkit._files import whole_file
from fer_toolkit._optional import require
from fer_toolkit.errors import ExportError, FerToolkitError, ImageError
from fer_toolkit.images import picture_format

FIELD = "image"
"""The field of a form that holds the picture."""

FORM = "multipart/form-data"

_log = logging.getLogger("fer_toolkit.web")


class NoPictureError(FerToolkitError):
    """A request has no picture."""


class WrongTypeError(FerToolkitError):
    """What a request has is no picture of a format that is read."""


def check_type(mimetype: str) -> None:
    """Refuse a body by its content type, before it is read.

    Raises
    ------
    WrongTypeError
        If it is neither a form with files nor a picture.

    Examples
    --------
    >>> check_type("image/jpeg")
    """
    if mimetype not in (FORM, "application/octet-stream") and not mimetype.startswith("image/"):
        raise WrongTypeError(
            f"the content type must be image/*, application/octet-stream or {FORM}. Received: {mimetype or 'none'}"
        )


def read_picture(environ: dict[str, Any], mimetype: str, max_bytes: int) -> bytes:
    """The bytes of the picture in a request, read into memory.

    Its name and its content type are not looked at: the first bytes say which format it is.

    Parameters
    ----------
    environ
        The request, as WSGI has it.
    mimetype
        Its content type, without parameters.
    max_bytes
        A longer body raises Werkzeug's RequestEntityTooLarge.

    Raises
    ------
    NoPictureError
        If there is none, or it is empty.
    WrongTypeError
        If it is no picture of a format that is read.
    """
    data = _form_file(environ, max_bytes) if mimetype == FORM else _body(environ, max_bytes)
    if not data:
        raise NoPictureError("there is no picture in the request: 0 bytes")
    try:
        picture_format(data)
    except ImageError as error:
        raise WrongTypeError(str(error)) from error
    return data


def save_picture(data: bytes, folder: Path) -> None:
    """Keep a picture that was read, by a name that tells only when it came; a failure is logged."""
    name = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.urandom(8).hex()}.{picture_format(data).lower()}"
    try:
        with whole_file(folder / name) as draft:
            draft.chmod(0o600)  # faces are not for all users of a machine
            draft.write_bytes(data)
    except ExportError as error:  # the sender has a result all the same
        _log.error("an upload is not kept: %s", error)


def _body(environ: dict[str, Any], max_bytes: int) -> bytes:
    wsgi = require("werkzeug.wsgi", extra="web", feature="the web service")
    return bytes(wsgi.get_input_stream(environ, max_content_length=max_bytes).read())


def _form_file(environ: dict[str, Any], max_bytes: int) -> bytes:
    formparser = require("werkzeug.formparser", extra="web", feature="the web service")
    parser = formparser.FormDataParser(
        stream_factory=_in_memory,  # not the disk, as Werkzeug's own does
        max_form_memory_size=max_bytes,
        max_content_length=max_bytes,
        max_form_parts=100,
    )
    _, fields, files = parser.parse_from_environ(environ)
    sent = files.getlist(FIELD)
    if len(sent) != 1:
        why = "is not sent as a file" if FIELD in fields else f"is there {len(sent)} times"
        raise NoPictureError(f"a form must have one file, in the field {FIELD!r}, which {why}")
    return bytes(sent[0].read())


def _in_memory(*_: object, **__: object) -> BinaryIO:
    return io.BytesIO()
