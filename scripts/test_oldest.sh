#!/bin/sh
# Runs the tests with the oldest versions that pyproject.toml allows, of the package and of its extras, on the oldest Python:
#
#     scripts/test_oldest.sh [ARGUMENTS OF PYTEST]
#
# The tools of the tests are the newest that go with them. Tests of what only the newest tools can do are left out.
set -eu

uv=.venv-tools/bin/uv
environment=.venv-oldest
python=$environment/bin/python
versions=$environment/oldest.txt

oldest=$(sed -n 's/^requires-python = ">=\(.*\)"$/\1/p' pyproject.toml)
if ! "$uv" venv --quiet --clear --no-python-downloads --python "$oldest" "$environment"; then
  echo "There is no Python $oldest here; the oldest versions are tested on $(python3 --version)." >&2
  "$uv" venv --quiet --clear --no-python-downloads --python python3 "$environment"
fi

"$uv" pip compile --quiet --python "$python" --resolution lowest-direct --extra all --no-header --no-annotate \
  --output-file "$versions" pyproject.toml
"$uv" pip install --quiet --python "$python" --requirement "$versions" pytest hypothesis scikit-learn
"$uv" pip install --quiet --python "$python" --no-deps --editable .

# Old packages are used by newer ones in ways that have become old-fashioned: their warnings are not about this package.
exec "$python" -m pytest -W ignore::DeprecationWarning -W ignore::FutureWarning \
  --ignore tests/web/page --ignore tests/plugin --ignore tests/test_plugins.py --ignore tests/test_supply.py "$@"
