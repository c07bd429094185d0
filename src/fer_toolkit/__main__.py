"""The process of the command ``fer-toolkit``, which is ``python -m fer_toolkit`` too."""

import gc


def main() -> None:
    """Run the command and end the process."""
    # What is imported stays, so to look for garbage in it, as Python would every 700 objects, is time lost.
    gc.set_threshold(100_000)
    from fer_toolkit.cli import main as run

    run()


if __name__ == "__main__":
    main()
