"""Feeds the library's ways in with hostile input, guided by the code that it reaches: ``python -m fuzz``."""

LONGEST = 5
"""Seconds that an input may take."""

MOST_MEMORY = 1024
"""MiB that an input may take."""
