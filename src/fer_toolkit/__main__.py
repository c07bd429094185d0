"""The process of the command ``fer-toolkit``, which is ``python -m fer_toolkit`` too."""

import gc


def main() -> None:
    """Run the command and end the process."""
    # What is imported stays: to look for garbage in it, as Python would every 700 objects, takes an eighth of the time
    # from the start to the first result.
    gc.set_threshold(100_000)
    from fer_toolkit.cli import app

    app(prog_name="fer-toolkit")


if __name__ == "__main__":
    main()
