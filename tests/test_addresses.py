"""Tests of fer_toolkit._addresses: what of an address is shown."""

import pytest

from fer_toolkit._addresses import without_secrets


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://example.org/a/b.bin", "https://example.org/a/b.bin"),
        ("rtsp://me:secret@10.0.0.7:554/live", "rtsp://10.0.0.7:554/live"),
        ("rtsp://me:s@cret@10.0.0.7/live", "rtsp://10.0.0.7/live"),
        ("http://camera/video?user=me&pwd=secret", "http://camera/video"),
        ("https://example.org/a#secret", "https://example.org/a"),
        ("https://example.org/me@home/a.bin", "https://example.org/me@home/a.bin"),
        ("http://me:secret@[::1/a", "http://[::1/a"),
    ],
    ids=["none", "password", "password with @", "query", "fragment", "@ in the path", "broken address"],
)
def test_user_password_and_query_are_left_out(address, shown):
    assert without_secrets(address) == shown
