#!/bin/sh
# Installs the versions of a lock file, each file checked by its sha256:
#
#     scripts/install_locked.sh PYTHON requirements/ci.txt
#
# An index may lack one of them, or a system have no file for it; then one line says so, and nothing is installed, so that
# whatever comes next may take what there is. A file with other bytes than the lock file's is an error.
set -eu

python=$1
lock=$2

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if "$python" -m pip install --quiet --no-compile --require-hashes --requirement "$lock" >"$log" 2>&1; then exit 0; fi
if grep -q 'DO NOT MATCH THE HASHES' "$log"; then
  cat "$log" >&2
  exit 1
fi
echo "The versions of $lock can't be had here, and the newest are taken: $(grep '^ERROR' "$log" | tail -n 1)" >&2
