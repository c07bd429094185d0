"""Process.py is a program, for POSIX only."""

collect_ignore = ["process.py"]
