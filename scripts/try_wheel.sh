#!/bin/sh
# Installs the wheel of dist/ alone, as a stranger would, and uses it:
#
#     scripts/try_wheel.sh [PYTHON...]
#
# For each Python (without any: those of 3.10 to 3.13 that are on the path) there is a new environment, a new home folder and
# another working folder than the repository. What is tried needs no extra, and no network after the installation. `make build`
# makes the wheel.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
picture=$root/examples/images/astronaut.jpg
most_bytes=20000000

fail() {
  echo "$1" >&2
  exit 1
}

if [ $# -eq 0 ]; then
  for version in 3.10 3.11 3.12 3.13; do
    if command -v "python$version" >/dev/null 2>&1; then set -- "$@" "python$version"; fi
  done
fi
[ $# -gt 0 ] || fail "there is no Python 3.10 to 3.13 on the path; name one: scripts/try_wheel.sh /path/to/python"

wheel=$(find "$root/dist" -name 'fer_toolkit-*.whl' 2>/dev/null || true)
[ "$(echo "$wheel" | grep -c .)" -eq 1 ] || fail "dist/ must hold one wheel; make it with: make build"
bytes=$(wc -c <"$wheel")
[ "$bytes" -le "$most_bytes" ] || fail "$wheel has $bytes bytes, more than $most_bytes"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export FER_TOOLKIT_OFFLINE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONNOUSERSITE=1
unset PYTHONPATH FER_TOOLKIT_CACHE FER_TOOLKIT_MIRROR XDG_CACHE_HOME XDG_CONFIG_HOME 2>/dev/null || true

for python in "$@"; do
  environment=$scratch/environment home=$scratch/home
  rm -rf "$environment" "$home"
  mkdir "$home"
  "$python" -m venv "$environment"
  programs=$environment/bin
  [ -d "$programs" ] || programs=$environment/Scripts # on Windows
  "$programs/python" -m pip install --quiet "$wheel"
  installed=$("$programs/python" -m pip list --format=freeze)
  if echo "$installed" | grep -qi tensorflow; then fail "$python: the wheel brings TensorFlow"; fi
  (
    cd "$home"
    export HOME="$home" USERPROFILE="$home" PATH="$programs:$PATH"
    fer-toolkit --version >version.txt
    python -m fer_toolkit --version | cmp - version.txt
    fer-toolkit recognize "$picture" --detector haar --format jsonl | grep -q '"emotion": *"happy"'
    python -m fer_toolkit recognize "$picture" --detector none | grep -q 'astronaut.jpg'
    fer-toolkit detectors | grep -q '^haar  *ready'
    fer-toolkit models list | grep -q '^fer2013-small-4  *default .* bundled'
    fer-toolkit doctor >doctor.txt || { cat doctor.txt >&2; exit 1; }
    python -c "import fer_toolkit; assert fer_toolkit.EmotionRecognizer('haar').recognize('$picture')[0].emotion == 'happy'"
    echo "$(python --version): $(cat version.txt), $(echo "$installed" | grep -c .) packages, wheel of $bytes bytes: all is well"
  )
done
