"""Train a network on FER2013, export it with calibrated probabilities, and measure what was exported.

    python examples/train_model.py fer2013.csv [--ferplus fer2013new.csv] [--network resnet_compact] [--epochs 60]

The run's folder then has a picture of what was learnt from (examples.png), the history, the network (model.keras), the
file to recognise with (model.tflite and its card), and charts. The same command goes on with a run that was stopped.
Without FER2013, try it on drawings: python examples/make_faces.py, then this with faces.csv --network mini_xception
--epochs 10.
Needs fer-toolkit[keras,plots].
"""

import argparse
from pathlib import Path

from fer_toolkit.classifiers import build_classifier
from fer_toolkit.plots import save_evaluation_plots
from fer_toolkit.training.copies import drop_copies
from fer_toolkit.training.data import read_fer2013
from fer_toolkit.training.evaluation import evaluate
from fer_toolkit.training.exporting import export_with_card
from fer_toolkit.training.fitting import train
from fer_toolkit.training.networks import NETWORKS
from fer_toolkit.training.preview import preview
from fer_toolkit.training.recipes import Recipe


def main() -> None:
    """Preview, train, export, evaluate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="fer2013.csv")
    parser.add_argument("--ferplus", help="fer2013new.csv: its votes are learnt as well")
    parser.add_argument("--network", default="resnet_compact", choices=NETWORKS)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--output", type=Path, default=Path("run"))
    arguments = parser.parse_args()

    faces = read_fer2013(arguments.data, ferplus=arguments.ferplus)
    learnt_from = drop_copies(faces)  # PrivateTest is to measure what was learnt, not what was remembered
    recipe = Recipe(network=arguments.network, epochs=arguments.epochs)
    arguments.output.mkdir(parents=True, exist_ok=True)
    preview(learnt_from, recipe).save(arguments.output / "examples.png")

    train(learnt_from, recipe, arguments.output, resume=True)
    model = export_with_card(
        arguments.output / "model.keras", arguments.output / "model.tflite", quantize="int8", data=learnt_from
    )

    evaluation = evaluate(build_classifier(model), faces)
    save_evaluation_plots(evaluation, arguments.output / "charts", f"{arguments.network} on PrivateTest")
    figures = evaluation.official
    print(f"PrivateTest: accuracy {100 * figures.accuracy:.1f} %, calibration error {figures.ece:.3f}")
    print(f'Recognise with it: EmotionRecognizer(classifier="{model}")')


if __name__ == "__main__":
    main()
