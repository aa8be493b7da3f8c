#!/usr/bin/env bash
# Make .venv with every package pinned, and what Qt needs of the system. A second call does nothing.
#   PYTHON   the interpreter to use (default: that of .venv, else the first of python3, 3.13, 3.12, 3.11 that will do)
set -euo pipefail
cd "$(dirname "$0")/.."

qt_packages=(
  libdbus-1-3 libegl1 libfontconfig1 libfreetype6 libgl1 libglib2.0-0 libx11-xcb1 libxcb-cursor0 libxcb-icccm4
  libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-sync1 libxcb-xfixes0
  libxcb-xkb1 libxkbcommon-x11-0 libxkbcommon0
)
font_packages=(fonts-inter fonts-jetbrains-mono)

# version INTERPRETER: its version as 3.11, nothing if it does not run or is too old.
version() {
  "$1" -c 'import sys; sys.version_info >= (3, 11) and print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true
}

choose_python() {
  local candidate
  for candidate in ${PYTHON:-.venv/bin/python python3 python3.13 python3.12 python3.11}; do
    if [ -n "$(version "$candidate")" ]; then
      echo "$candidate"
      return
    fi
  done
  echo "daskscope needs Python 3.11 or newer, and ${PYTHON:-python3} is not; name one: make setup PYTHON=python3.12" >&2
  return 1
}

make_venv() {
  local python=$1 pip=(.venv/bin/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt)
  if [ "$(version .venv/bin/python)" != "$(version "$python")" ]; then
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
      packaging/apt.sh "Python's venv module" "python$(version "$python")-venv"
    fi
    "$python" -m venv --clear .venv
  fi
  echo "installing packages into .venv"
  "${pip[@]}" pip
  "${pip[@]}" --build-constraint constraints.txt --editable ".[demo]" --group dev --group test
}

check_system() {
  [ "$(uname)" = Linux ] || return 0
  local qt
  qt=$(.venv/bin/python -c 'import importlib.util as u; print(u.find_spec("PySide6").submodule_search_locations[0])')
  # Not grep -q: it would leave before ldd has said all, and pipefail would call that a failure of ldd's.
  if ldd "$qt"/Qt/plugins/platforms/lib{qxcb,qoffscreen}.so "$qt"/Qt/lib/libQt6Widgets.so.6 | grep 'not found' >/dev/null; then
    packaging/apt.sh "Qt's system libraries" "${qt_packages[@]}" || true
  fi
  if command -v dpkg-query >/dev/null && ! dpkg-query --show "${font_packages[@]}" >/dev/null 2>&1; then
    packaging/apt.sh "the fonts of the window" "${font_packages[@]}" || true
  fi
}

python=$(choose_python)
state="$(version "$python") $(cat pyproject.toml constraints.txt packaging/setup.sh | cksum)"
if [ "$(cat .venv/setup-stamp 2>/dev/null)" != "$state" ]; then
  make_venv "$python"
  echo "$state" >.venv/setup-stamp
fi
check_system
