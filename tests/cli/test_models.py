"""``fer-toolkit models``: list, show, fetch and path."""

from pathlib import Path

import pytest

from fer_toolkit import weights

ALL = [*weights.catalog().values()]


def test_the_list_has_all_weights_with_their_whole_names_in_80_columns(run):
    result = run("models", "list")
    lines = result.stdout.splitlines()
    assert (result.exit_code, result.stderr) == (0, "")
    assert [line.split()[0] for line in lines[2:]] == [card.name for card in ALL]
    assert max(map(len, lines)) <= 80


def test_the_list_says_what_is_here(run):
    lines = {line.split()[0]: line for line in run("models", "list").stdout.splitlines()[2:]}
    assert lines["fer2013-small-4"].split()[1:] == ["default", "classifier", "1.94", "MB", "bundled"]
    assert lines["ferplus-8"].endswith("35.04 MB   not fetched")


@pytest.mark.parametrize("card", ALL, ids=lambda card: card.name)
def test_the_card_is_shown_whole(run, card):
    result = run("models", "show", card.name)
    text = " ".join(result.stdout.split())
    assert (result.exit_code, result.stderr) == (0, "")
    shown = [card.name, card.kind, card.file, card.sha256, card.licence, card.source, card.description, *card.urls]
    if card.input is not None:
        shown += [*card.labels, card.output, f"{card.input.size} x {card.input.size}", card.input.color]
        shown += [card.input.layout, *(f"{value:g}" for value in (*card.input.mean, *card.input.std)), card.output]
    shown += [f"{figure}: {value:g}" for figure, value in card.figures.items()]
    assert [each for each in shown if each not in text] == []
    assert max(len(line) for line in result.stdout.splitlines() if "http" not in line) <= 80


def test_an_alias_stands_for_its_card(run):
    shown = run("models", "show", "default").stdout
    assert shown == run("models", "show", weights.aliases()["default"]).stdout
    assert shown.startswith(f"{weights.aliases()['default']} (alias default)\n")


def test_a_card_says_which_extra_runs_it(run):
    assert "fer-toolkit[onnx]" in run("models", "show", "ferplus-8").stdout
    assert "fer-toolkit[keras]" in run("models", "show", "mini-xception-1").stdout
    assert "fer-toolkit[" not in run("models", "show", "default").stdout


@pytest.mark.parametrize("command", ["show", "path", "fetch"])
def test_an_unknown_name_is_wrong_usage_and_the_nearest_is_named(run, command):
    result = run("models", command, "ferplus8")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(
        "Error: no weights are named 'ferplus8'. Did you mean 'ferplus-8'? There are: default, "
    )


def test_the_path_of_bundled_weights_is_printed_alone(run):
    result = run("models", "path", "default")
    assert (result.exit_code, result.stderr) == (0, "")
    assert Path(result.stdout.strip()) == weights.path("default")


def test_a_path_that_can_not_be_had_is_an_error(run):
    result = run("models", "path", "ferplus-8")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: the weights 'ferplus-8' can't be had:")


@pytest.mark.parametrize("arguments", [(), ("default", "--all")])
def test_fetch_takes_names_or_all(run, arguments):
    result = run("models", "fetch", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "or --all" in result.stderr


def test_nothing_is_fetched_when_a_name_is_wrong(run):
    result = run("models", "fetch", "default", "nothing")
    assert (result.exit_code, result.stdout) == (2, "")


def test_what_can_be_had_is_fetched_and_the_rest_reported(run, monkeypatch, tmp_path):
    monkeypatch.setenv("FER_TOOLKIT_MIRROR", str(tmp_path))
    result = run("models", "fetch", "--all")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [str(weights.path(card)) for card in ALL if card.bundled]
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert errors == [f"Error: the weights {card.name!r} can't be had:" for card in ALL if not card.bundled]


def test_weights_are_fetched_from_a_mirror_into_the_cache(run, monkeypatch, weights_mirror, tmp_path):
    monkeypatch.setenv("FER_TOOLKIT_MIRROR", weights_mirror)
    monkeypatch.delenv("FER_TOOLKIT_OFFLINE")
    result = run("models", "fetch", "ssd-config-1", "yunet-2026may")
    assert result.exit_code == 0
    paths = [tmp_path / "cache" / weights.card(name).file for name in ("ssd-config-1", "yunet-2026may")]
    assert result.stdout.splitlines() == [str(path) for path in paths]
    assert all(path.is_file() for path in paths)
    assert [line.split()[:2] for line in result.stderr.splitlines()] == [
        ["fetching", "ssd-config-1"],
        ["fetching", "yunet-2026may"],
    ]
    assert " here" in run("models", "show", "yunet-2026may").stdout
