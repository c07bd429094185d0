"""A training run as a process of its own, which may be killed, train on another backend, or together with others.

Its only argument is JSON: `faces` (an .npz file), `output`, `recipe`, and optionally `resume`, `on_all_devices`,
 `kill_in_epoch` (when its last.keras is half written) and `answers` (an .npz file for the finished
model's weights and logits).
"""

import contextlib
import json
import os
import signal
import sys


def main(faces, output, recipe, resume=False, on_all_devices=False, kill_in_epoch=None, answers=None):
    import numpy as np

    from conftest import tiny  # beside this script
    from fer_toolkit.training import networks
    from fer_toolkit.training.data import FaceData
    from fer_toolkit.training.distribution import all_devices
    from fer_toolkit.training.fitting import train
    from fer_toolkit.training.recipes import Recipe

    networks.NETWORKS = {**networks.NETWORKS, "tiny": tiny}
    data = FaceData(**np.load(faces))
    if kill_in_epoch is not None:
        die_while_saving(kill_in_epoch)
    with all_devices() if on_all_devices else contextlib.nullcontext():
        model = train(data, Recipe.from_json(recipe), output, resume=resume)
    if answers is not None:
        logits = model.predict(data.images[:8, ..., None].astype(np.float32), verbose=0)
        np.savez(answers, *model.get_weights(), logits=logits)


def die_while_saving(epoch):
    """Let the process kill itself when half of the state after an epoch is written."""
    import keras

    save, epochs = keras.Model.save, 0

    def save_or_die(model, path):
        nonlocal epochs
        save(model, path)
        if path.name.endswith("last.keras"):
            epochs += 1
            if epochs == epoch:
                os.truncate(path, path.stat().st_size // 2)
                os.kill(os.getpid(), signal.SIGKILL)

    keras.Model.save = save_or_die


class WithoutTensorFlow:
    """Where JAX is installed, TensorFlow need not be."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "tensorflow":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


if __name__ == "__main__":
    if os.environ.get("KERAS_BACKEND") == "jax":
        sys.meta_path.insert(0, WithoutTensorFlow)
    main(**json.loads(sys.argv[1]))
