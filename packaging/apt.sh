#!/usr/bin/env bash
# apt.sh WHAT PACKAGE...: install Debian packages where apt may be used, else say in one line what to install.
set -euo pipefail

what=$1
shift
as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo -n); fi

if command -v apt-get >/dev/null && { [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null; }; then
  echo "installing $what: $*"
  install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@")
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  # The package lists of a fresh image or an old one do not name what the archive holds now.
  if "${install[@]}" >"$log" 2>&1 || { "${as_root[@]}" apt-get update -qq >"$log" 2>&1 && "${install[@]}" >>"$log" 2>&1; }; then
    exit 0
  fi
  tail -n 3 "$log" >&2
fi
echo "$what missing; install it with: sudo apt-get install $*" >&2
exit 1
