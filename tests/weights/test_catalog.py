import pytest

from fer_toolkit import weights
from fer_toolkit.errors import CardError, UnknownNameError
from fer_toolkit.weights._catalog import read_catalog

CARD = f"""
[cards.tiny-1]
kind = "detector"
file = "tiny.bin"
sha256 = "{"0" * 64}"
bytes = 3
urls = ["https://example.org/tiny.bin"]
"""


def test_every_classifier_of_the_catalog_says_what_its_network_takes_and_gives():
    classifiers = [card for card in weights.catalog().values() if card.kind == "classifier"]
    assert {"mini-xception-1", "ferplus-8", "hsemotion-b0-1"} <= {card.name for card in classifiers}
    assert all(card.input is not None and len(card.labels) in (7, 8) for card in classifiers)


def test_mini_xception_takes_pixels_from_minus_one_to_one():
    spec = weights.card("mini-xception-1").input
    assert [(pixel * spec.scale - spec.mean[0]) / spec.std[0] for pixel in (0, 255)] == pytest.approx([-1, 1])


def test_hsemotion_takes_pixels_as_imagenet_networks_do():
    spec = weights.card("hsemotion-b0-1").input
    assert (255 * spec.scale - spec.mean[2]) / spec.std[2] == pytest.approx((1 - 0.406) / 0.225)


def test_every_card_has_a_licence_a_source_and_a_description():
    for card in weights.catalog().values():
        assert card.licence, card.name
        assert card.source, card.name
        assert card.description, card.name


def test_the_catalog_is_read_only():
    with pytest.raises(TypeError):
        weights.catalog()["mine"] = weights.card("ferplus-8")
    with pytest.raises(TypeError):
        weights.aliases()["mine"] = "ferplus-8"


def test_an_alias_stands_for_a_card():
    for alias, name in weights.aliases().items():
        assert weights.card(alias) is weights.catalog()[name]


def test_an_unknown_name_is_answered_with_the_nearest_and_all_others():
    with pytest.raises(UnknownNameError, match=r"'ferplus8'.*Did you mean 'ferplus-8'\? There are: .*yunet-2026may"):
        weights.card("ferplus8")


def test_a_catalog_may_have_aliases(tmp_path):
    file = tmp_path / "cards.toml"
    file.write_text(f'[aliases]\nsmall = "tiny-1"\n{CARD}')
    catalog = read_catalog(file)
    assert catalog.cards["tiny-1"].bytes == 3
    assert dict(catalog.aliases) == {"small": "tiny-1"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cards = 1 2", r"cards\.toml can't be read: .*line 1"),
        ("[models]", r"cards\.toml has unknown tables \['models'\]"),
        ("cards = 1", r"cards\.toml: cards must be a table. Received: 1"),
        ("[cards]\ntiny-1 = 1", r"cards\.toml, card 'tiny-1' must be a table"),
        (CARD.replace("tiny-1", "Tiny"), r"cards\.toml, card 'Tiny': name must be small letters"),
        (CARD + 'name = "x"', r"cards\.toml, card 'tiny-1': .*no entry 'name'"),
        (CARD + 'size = "x"', r"cards\.toml, card 'tiny-1': .*unknown entries \['size'\]"),
        (CARD.replace("detector", "tracker"), r"cards\.toml, card 'tiny-1': kind must be one of"),
        (CARD.replace("detector", "classifier"), r"cards\.toml, card 'tiny-1': .*labels"),
        (CARD.replace('"tiny.bin"', '"../tiny.bin"'), r"cards\.toml, card 'tiny-1': .*file must be a bare file name"),
        (CARD.replace('file = "tiny.bin"', ""), r"cards\.toml, card 'tiny-1': .*'file'"),
        (CARD.replace("0" * 64, "0" * 63), r"cards\.toml, card 'tiny-1': .*sha256 must be 64"),
        (CARD.replace("0" * 64, ""), r"cards\.toml, card 'tiny-1': sha256 is missing"),
        (CARD.replace("bytes = 3", 'bytes = "3"'), r"cards\.toml, card 'tiny-1': bytes must be a whole number.*'3'"),
        (CARD.replace("bytes = 3", ""), r"cards\.toml, card 'tiny-1': bytes must be a whole number"),
        (CARD.replace("https:", "ftp:"), r"cards\.toml, card 'tiny-1': urls must be a list of http"),
        (
            CARD.replace('["https://example.org/tiny.bin"]', '"https://example.org"'),
            r"card 'tiny-1': urls must be a list",
        ),
        (CARD.replace('["https://example.org/tiny.bin"]', "[]"), r"card 'tiny-1': urls is missing, and .* not bundled"),
        (CARD + CARD.replace("tiny-1", "tiny-2"), r"cards\.toml, card 'tiny-2': file 'tiny.bin' is also .* 'tiny-1'"),
        (CARD + '[aliases]\nsmall = "tiny"', r"alias 'small': no card is named 'tiny'. Did you mean 'tiny-1'"),
        (CARD + '[aliases]\ntiny-1 = "tiny-1"', r"alias 'tiny-1': a card has that name"),
    ],
)
def test_a_wrong_catalog_is_refused_with_file_card_and_entry(tmp_path, text, message):
    file = tmp_path / "cards.toml"
    file.write_text(text)
    with pytest.raises(CardError, match=message):
        read_catalog(file)


def test_a_catalog_that_is_missing_or_no_text_is_refused(tmp_path):
    with pytest.raises(CardError, match=r"cards\.toml can't be read"):
        read_catalog(tmp_path / "cards.toml")
    (tmp_path / "cards.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CardError, match=r"cards\.toml can't be read"):
        read_catalog(tmp_path / "cards.toml")
