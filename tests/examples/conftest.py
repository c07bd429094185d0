import pytest


def tiny(pixels):
    """A network that is compiled in a second."""
    from keras import layers

    x = layers.Rescaling(1 / 127.5, -1)(pixels)
    for width in (8, 16):
        x = layers.Conv2D(width, 3, strides=3, use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.5)(x))
    return layers.GlobalMaxPooling2D()(x)


@pytest.fixture
def tiny_network():
    """The function that builds it, for a name in ``networks.NETWORKS``."""
    return tiny
