"""Change the code in small ways, one at a time, and see whether its tests notice: mutation testing, by mutmut.

    python scripts/mutate.py               # all modules of TESTS, or: make mutate
    python scripts/mutate.py geometry      # some of them

A module is tried with the tests that are its own and its doctests, no others, in a copy of the repository below
``.mutation/``. What no test noticed is shown at the end; docs/testing.md says why each may stay. Run it at the
repository's root, where fer-toolkit[all,dev] and mutmut are installed; not on Windows, since mutmut forks.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

TESTS = {
    "geometry": "tests/test_geometry.py",
    "alignment": "tests/test_alignment.py",
    "results": "tests/test_results.py",
    "weights/store": "tests/weights/test_store.py",
}
COPIED = ("src", "tests", "examples", "conftest.py")
MUTMUT = [sys.executable, "-m", "mutmut"]
STATE = re.compile(r"^\s*(?P<mutant>\S+): (?P<state>.+)$", re.MULTILINE)


def main() -> int:
    """Try the modules, and tell of each what its tests did not notice; 1 if there is anything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", default=list(TESTS), metavar="MODULE", help=f"of {', '.join(TESTS)}")
    parser.add_argument("--processes", type=int, default=1, help="mutants that are tried at once")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.modules) - set(TESTS)):
        parser.error(f"no tests are named for {', '.join(unknown)}")
    missed = [try_module(module, arguments.processes) for module in arguments.modules]
    return 1 if any(missed) else 0


def try_module(module: str, processes: int) -> bool:
    """Whether a mutant of a module was missed."""
    folder = copy_for(module)
    # Hypothesis takes the same examples each time, and no slowness for a fault, where it sees CI.
    environment = os.environ | {"CI": "true", "PYTHONPATH": str(folder / "mutants" / "src")}

    def mutmut(*command: str) -> str:
        done = subprocess.run([*MUTMUT, *command], cwd=folder, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"mutmut {command[0]} failed for {module}:\n{done.stdout[-4000:]}{done.stderr}")
        return done.stdout

    mutmut("run", "--max-children", str(processes))
    states = {found["mutant"]: found["state"] for found in STATE.finditer(mutmut("results", "--all", "true"))}
    missed = [mutant for mutant, state in states.items() if state not in ("killed", "timeout")]
    counts = ", ".join(f"{count} {state}" for state, count in Counter(states.values()).most_common())
    print(f"\n{module}: {len(states)} mutants, {counts}", flush=True)
    for mutant in missed:
        print(f"\n{mutant}: {states[mutant]}\n{mutmut('show', mutant)}", flush=True)
    return bool(missed)


def copy_for(module: str) -> Path:
    """A copy of what the tests need, set up for the mutants of one module."""
    folder = Path(".mutation", module.replace("/", "-")).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in COPIED:
        copy = shutil.copytree if Path(name).is_dir() else shutil.copy
        copy(name, folder / name)
    source = f"src/fer_toolkit/{module}.py"
    section = f"""
[tool.mutmut]
source_paths = ["src"]
only_mutate = ["{source}"]
also_copy = {list(COPIED[2:])}
pytest_add_cli_args_test_selection = ["{TESTS[module]}", "{source}"]
process_isolation = "forkserver" # so that Hypothesis sees each test run once a process
timeout_constant = 10.0
timeout_multiplier = 3.0
"""
    (folder / "pyproject.toml").write_text(Path("pyproject.toml").read_text() + section)
    # Python forgets a folder of its path that isn't there at its start.
    (folder / "mutants" / "src").mkdir(parents=True)
    return folder


if __name__ == "__main__":
    sys.exit(main())
