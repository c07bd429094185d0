"""Every error this library raises on purpose.

::

    FerToolkitError
    ├── ImageError             a picture can't be read, or is not one            (also ValueError)
    ├── VideoError             a video or a camera can't be read, or a video can't be written
    ├── OptionError            an argument is unknown, out of range or mistyped  (also ValueError)
    ├── UnknownNameError       no detector, classifier or model has that name    (also LookupError)
    ├── DetectorError          a detector can't be built, or broke its contract
    ├── ClassifierError        a classifier can't be built, or broke its contract
    ├── CardError              a weights card is missing, or an entry of it is wrong  (also ValueError)
    ├── WeightsError           a weights file can't be had
    │   ├── DownloadError      the host is unreachable, refuses, or is not asked (offline)
    │   ├── IntegrityError     the bytes are not those of the card's sha256
    │   └── CacheError         the cache folder can't be read or written, or the disk is full
    ├── MissingExtraError      an optional dependency is not installed           (also ImportError)
    ├── BrokenExtraError       an optional dependency is there but fails to import  (also ImportError)
    ├── DataError              a training or evaluation data set is wrong        (also ValueError)
    └── ExportError            a model or a result can't be written in that form

A message says what happened, with which input, and what to do. Catch :class:`FerToolkitError` for all of them.
"""

from __future__ import annotations


class FerToolkitError(Exception):
    """Base of every error that this library raises on purpose."""


class ImageError(FerToolkitError, ValueError):
    """A picture can't be read, is too large, or is no picture."""


class VideoError(FerToolkitError):
    """A video or a camera can't be read, or a video can't be written."""


class OptionError(FerToolkitError, ValueError):
    """An option is unknown, out of its range, or of the wrong type."""


class UnknownNameError(FerToolkitError, LookupError):
    """No detector, classifier or model is known by the name given."""


class DetectorError(FerToolkitError):
    """A detector can't be built, or returned something that its contract forbids."""


class ClassifierError(FerToolkitError):
    """A classifier can't be built, or returned something that its contract forbids."""


class CardError(FerToolkitError, ValueError):
    """A weights card is missing, or an entry of it is wrong."""


class WeightsError(FerToolkitError):
    """A weights file can't be had. Its subclasses tell why."""


class DownloadError(WeightsError):
    """The host is unreachable or refuses, or the network may not be asked."""


class IntegrityError(WeightsError):
    """The bytes of a weights file are not those that its card names."""


class CacheError(WeightsError):
    """The cache folder can't be read or written."""


class MissingExtraError(FerToolkitError, ImportError):
    """An optional dependency is not installed."""


class BrokenExtraError(FerToolkitError, ImportError):
    """An optional dependency is installed, but fails to import."""


class DataError(FerToolkitError, ValueError):
    """A training or evaluation data set is missing or wrong."""


class ExportError(FerToolkitError):
    """A model or a result can't be written in the form asked for."""
