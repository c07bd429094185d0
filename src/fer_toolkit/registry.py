"""Names to factories: built-in ones, those registered by the user, and those of installed plug-ins.

Nothing is imported before its name is asked for. Plug-ins are looked for when a name that is not built in is asked for,
or all names are: to read the metadata of all installed packages takes longer than many a picture.
"""

from __future__ import annotations

import importlib
import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fer_toolkit import _fork
from fer_toolkit._messages import choices
from fer_toolkit.errors import BrokenExtraError, OptionError, UnknownNameError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Factory = Callable[..., Any]


class Registry:
    """The detectors, or the classifiers, that can be built by name.

    A built-in name always means the built-in. A name registered in the running program goes before a plug-in's.

    Parameters
    ----------
    kind
        What the names stand for, as errors say it, such as ``"detector"``.
    builtin
        From name to factory, or to ``"module:attribute"``, which is imported when the name is asked for.
    entry_point_group
        The group in which plug-in packages announce theirs, such as ``"fer_toolkit.detectors"``.

    Examples
    --------
    >>> numbers = Registry("number", {"fraction": "fractions:Fraction"}, "example.numbers")
    >>> numbers.build("fraction", numerator=1, denominator=3)
    Fraction(1, 3)
    >>> numbers.register("whole", int)
    >>> numbers.names()
    ('fraction', 'whole')
    """

    def __init__(self, kind: str, builtin: Mapping[str, str | Factory], entry_point_group: str) -> None:
        self.kind = kind
        self._builtin = dict(builtin)
        self._group = entry_point_group
        self._registered: dict[str, Factory] = {}
        self._plugins: dict[str, EntryPoint] | None = None
        self._discovery = _fork.Lock()

    def names(self) -> tuple[str, ...]:
        """All names: the built-in ones in their order, then the others in alphabetical order."""
        return (*self._builtin, *sorted({*self._registered, *self._found_plugins()}))

    def register(self, name: str, factory: Factory) -> None:
        """Add a factory of your own, in the running program; registering a name again replaces it.

        Parameters
        ----------
        name
            What :meth:`build` will be given.
        factory
            A class or a function; its keyword arguments are the options.

        Raises
        ------
        OptionError
            If the name is built in or is no text, or the factory can't be called.
        """
        if not (isinstance(name, str) and name):
            raise OptionError(f"a {self.kind}'s name must be text. Received: {name!r}")
        if name in self._builtin:
            raise OptionError(f"the {self.kind} {name!r} is built in; register yours by another name")
        if not callable(factory):
            raise OptionError(f"the factory of {name!r} must be a class or a function. Received: {factory!r}")
        self._registered[name] = factory

    def resolve(self, name: str) -> Factory:
        """The factory of a name, imported now if it wasn't yet.

        Raises
        ------
        UnknownNameError
            If there is no such name; the message lists those there are.
        BrokenExtraError
            If the plug-in that offers it fails to import.
        """
        if name in self._builtin:
            return _imported(self._builtin[name])
        if name in self._registered:
            return self._registered[name]
        plugins = self._found_plugins()
        if name in plugins:
            return self._load(plugins[name])
        raise UnknownNameError(f"no {self.kind} is named {name!r:.200}. {choices(str(name), self.names())}")

    def build(self, name: str, **options: Any) -> Any:
        """Call the factory of a name with options.

        Parameters
        ----------
        name
            One of :meth:`names`.
        **options
            Passed on as they are, once their names are known to be right.

        Raises
        ------
        UnknownNameError
            If there is no such name.
        OptionError
            If the factory has no such option, or needs one that isn't given.
        """
        factory = self.resolve(name)
        check_options(f"the {self.kind} {name!r}", factory, options)
        return factory(**options)

    def _found_plugins(self) -> dict[str, EntryPoint]:
        with self._discovery:
            if self._plugins is not None:
                return self._plugins
            self._plugins, refused = self._discover()
        # Once all is in place: where warnings are errors, the first of these ends this look-up, and the next goes well.
        for message in refused:
            warnings.warn(message, UserWarning, stacklevel=3)
        return self._plugins

    def _discover(self) -> tuple[dict[str, EntryPoint], list[str]]:
        from importlib.metadata import entry_points

        plugins: dict[str, EntryPoint] = {}
        refused = []
        for entry in sorted(entry_points(group=self._group), key=_distribution):
            offer = f"the plug-in {_distribution(entry)!r} offers a {self.kind} named {entry.name!r}"
            if entry.name in self._builtin:
                refused.append(f"{offer}, which is a built-in name: the built-in {self.kind} is used")
            elif entry.name in plugins:
                refused.append(f"{offer}, and so does {_distribution(plugins[entry.name])!r}, which is used")
            else:
                plugins[entry.name] = entry
        return plugins, refused

    def _load(self, entry: EntryPoint) -> Factory:
        offer = f"the {self.kind} {entry.name!r} of the plug-in {_distribution(entry)!r} ({entry.value})"
        try:
            factory = entry.load()
        except Exception as error:  # other people's code may raise anything, and the user should know whose it is
            raise BrokenExtraError(
                f"{offer} fails to import; mend or remove that package: {type(error).__name__}: {error}"
            ) from error
        if not callable(factory):
            raise BrokenExtraError(f"{offer} must be a class or a function. Received: {factory!r}")
        loaded: Factory = factory
        return loaded


def check_options(what: str, factory: Factory, options: Mapping[str, Any]) -> None:
    """Raise :class:`OptionError` unless a factory takes the options, and needs no others.

    Parameters
    ----------
    what
        How the error calls that which is built, such as ``"the detector 'haar'"``.
    factory
        A class or a function; its keyword arguments are the options.
    options
        From the option's name to its value. The values are not looked at.

    Examples
    --------
    >>> def build(min_score=0.5, top=9): ...
    >>> check_options("haar", build, {"min_scor": 0.7})
    Traceback (most recent call last):
        ...
    fer_toolkit.errors.OptionError: haar has no option 'min_scor'. Did you mean 'min_score'? There are: min_score, top
    """
    try:
        parameters = inspect.signature(factory).parameters.values()
    except ValueError:  # a callable written in C may not tell
        return
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    known = [p.name for p in named]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    for option in options:
        if option not in known and not takes_any:
            raise OptionError(f"{what} has no option {option!r}. {choices(option, known)}")
    missing = [p.name for p in named if p.default is p.empty and p.name not in options]
    if missing:
        raise OptionError(f"{what} needs the option {missing[0]!r}; give it a value")


def _imported(factory: str | Factory) -> Factory:
    if not isinstance(factory, str):
        return factory
    module, _, attribute = factory.partition(":")
    found: Factory = getattr(importlib.import_module(module), attribute)
    return found


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.value
