"""The loop that all workers share: one JSON request a line on standard input, one JSON answer a line.

A request is ``{"task": NAME, "options": {...}, "times": N}``. The task's function prepares what the options ask for,
untimed and once, and gives an action; the action is done N times. The answer is ``{"seconds": S, "facts": {...}}``,
seconds for one time and the facts that the action returned last, or ``{"error": TEXT}``. There is always a task
``versions``.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

Facts = Mapping[str, Any]
Action = Callable[[], Facts]


def serve(tasks: Mapping[str, Callable[..., Action]], packages: Sequence[str]) -> None:
    """Answer requests until standard input ends.

    Parameters
    ----------
    tasks
        Functions that take a request's options and give an action.
    packages
        Distributions whose versions the results may depend on.
    """
    # What libraries print must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    tasks = {**tasks, "versions": lambda: lambda: _versions(packages)}
    actions: dict[str, Action] = {}
    for line in sys.stdin:
        try:
            answer = _answer(json.loads(line), tasks, actions)
        except Exception as error:  # a system that fails is a result too
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


def _answer(
    request: Mapping[str, Any], tasks: Mapping[str, Callable[..., Action]], actions: dict[str, Action]
) -> Mapping[str, Any]:
    name, options, times = request["task"], request.get("options", {}), request.get("times", 1)
    key = json.dumps([name, options], sort_keys=True)
    if key not in actions:
        actions[key] = tasks[name](**options)
    action, facts = actions[key], {}
    start = time.perf_counter()
    for _ in range(times):
        facts = action()
    seconds = (time.perf_counter() - start) / times
    return {"seconds": seconds, "facts": facts}


def _versions(packages: Sequence[str]) -> Facts:
    return {"Python": platform.python_version(), **{name: found for name in packages if (found := _version(name))}}


def _version(package: str) -> str | None:
    """A package's version; None where it is installed under another name, as tensorflow-cpu, or not at all."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
