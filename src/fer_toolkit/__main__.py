"""``python -m fer_toolkit`` is the command ``fer-toolkit``."""

from fer_toolkit.cli import app

if __name__ == "__main__":
    app(prog_name="fer-toolkit")
