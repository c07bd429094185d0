"""A module that fails to import."""

import a_package_that_is_nowhere  # noqa: F401


class BrokenDetector:
    """Never reached."""
