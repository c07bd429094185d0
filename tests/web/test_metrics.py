"""Counts and times, in the form that Prometheus reads."""

import re

from fer_toolkit.web._metrics import Metrics


def test_each_line_is_a_comment_or_a_sample():
    metrics = Metrics()
    metrics.add_request("recognize", 200)
    text = metrics.text(running=1, waiting=2)
    assert text.endswith("\n")
    for line in text.splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) fer_toolkit_\w+ .+|fer_toolkit_\w+(\{(\w+="[^"]*",?)+\})? [\d.e+-]+', line)


def test_requests_are_counted_by_route_and_status():
    metrics = Metrics()
    for status in (200, 429, 200):
        metrics.add_request("recognize", status)
    lines = metrics.text(running=0, waiting=0).splitlines()
    assert 'fer_toolkit_requests_total{route="recognize",status="200"} 2' in lines
    assert 'fer_toolkit_requests_total{route="recognize",status="429"} 1' in lines


def test_a_bucket_counts_all_times_up_to_its_bound():
    metrics = Metrics()
    for seconds in (0.01, 0.02, 99.0):
        metrics.add_picture(seconds, faces=1)
    text = metrics.text(running=0, waiting=0)
    counts = dict(re.findall(r'_bucket\{le="([^"]+)"\} (\d+)', text))
    assert (counts["0.01"], counts["0.025"], counts["30.0"], counts["+Inf"]) == ("1", "2", "2", "3")
    assert "fer_toolkit_picture_seconds_count 3\n" in text
    assert "fer_toolkit_picture_seconds_sum 99.03\n" in text
    assert "fer_toolkit_faces_total 3\n" in text
