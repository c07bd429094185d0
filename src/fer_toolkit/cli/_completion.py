"""Names that the shell offers while a command is typed."""

from __future__ import annotations


def detector_names() -> list[str]:
    """The detectors there are."""
    from fer_toolkit.detectors import available_detectors

    return list(available_detectors())


def classifier_names() -> list[str]:
    """The classifiers there are."""
    from fer_toolkit.classifiers import available_classifiers

    return list(available_classifiers())


def weights_names() -> list[str]:
    """The weights there are, and their aliases."""
    from fer_toolkit import weights

    return [*weights.aliases(), *weights.catalog()]
