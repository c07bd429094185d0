"""Import an optional dependency on use, or say which extra brings it. Absent is not the same as broken."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

from fer_toolkit.errors import BrokenExtraError, MissingExtraError


def is_installed(module: str) -> bool:
    """Whether a module can be found, without importing it (its parent packages are imported).

    Examples
    --------
    >>> is_installed("json"), is_installed("no_such_module_here")
    (True, False)
    """
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # a parent package is absent
        return False
    except ValueError:  # the module was put into sys.modules by hand, without a spec
        return True


def require(module: str, *, extra: str, feature: str) -> ModuleType:
    """Import a module that an extra of this package brings.

    Parameters
    ----------
    module
        Dotted name of the module, such as ``"onnxruntime"``.
    extra
        Name of the extra that installs it, such as ``"onnx"``.
    feature
        What needs it, as the beginning of a sentence: ``"an .onnx classifier"``.

    Returns
    -------
    ModuleType
        The imported module.

    Raises
    ------
    MissingExtraError
        If the module's package is not installed; the message has the command that installs it.
    BrokenExtraError
        If it is installed and its import fails: a dependency of its own is absent, or a shared library does not load.

    Examples
    --------
    >>> require("json", extra="data", feature="this example").__name__
    'json'
    """
    try:
        return importlib.import_module(module)
    except Exception as error:
        package = module.partition(".")[0]
        if isinstance(error, ModuleNotFoundError) and error.name == package:
            message = f'{feature} needs the package {package!r}. Install it with: pip install "fer-toolkit[{extra}]"'
            raise MissingExtraError(message, name=package) from None
        message = (
            f"{feature} needs the package {package!r}, which is installed but fails to import "
            f"({type(error).__name__}: {error}). Try: "
            f'pip install --upgrade --force-reinstall "fer-toolkit[{extra}]"'
        )
        raise BrokenExtraError(message, name=package) from error
