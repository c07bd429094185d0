#!/bin/sh
# Installs Chromium for the tests of the web page, where that may be done: as root, on a system with apt-get. The exit
# status says whether there is one now; where there is none, one line says why.
set -eu

has_browser() {
  for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then return 0; fi
  done
  return 1
}

skip() {
  echo "The tests of the web page are skipped, for want of Chromium: $1." >&2
  exit 1
}

if has_browser; then exit 0; fi
command -v apt-get >/dev/null || skip "there is no apt-get to install it with; install it as your system has it"
[ "$(id -u)" -eq 0 ] || skip "only root may install it; run: sudo apt-get install chromium"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update && apt-get install --yes --no-install-recommends chromium; } >"$log" 2>&1; then
  skip "apt-get failed: $(grep -v '^$' "$log" | tail -n 1)"
fi
has_browser || skip "apt-get's chromium has no program of a known name"
