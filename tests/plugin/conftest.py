"""Plug-ins are for test_plugins.py to install, not for pytest to import."""

collect_ignore_glob = ["*"]
