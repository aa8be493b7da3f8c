#!/usr/bin/env bash
# Test the instrumentation at the ends of what it supports: the oldest Dask, and the newest Python on this machine.
# Each has an environment of its own below .venv-versions. ARGS for pytest.
set -euo pipefail
cd "$(dirname "$0")/.."

oldest_dask=2025.7.0
tests=(tests/unit/dask_otel tests/integration/test_instrumentation{,_attempts,_correction,_extremes,_losses,_scheduler,_signals,_transfers,_undone}.py)
# There is no Qt here, so its settings in pyproject.toml have no meaning.
options=(-p no:pytest-qt -o addopts=--import-mode=importlib -W ignore::pytest.PytestConfigWarning)

# newest_python: the newest interpreter that Dask supports and that is there; that of .venv when no other is.
newest_python() {
  local version candidate
  for version in 3.14 3.13 3.12; do
    for candidate in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$version".*/bin/python; do
      if "$candidate" -c 'import ensurepip' 2>/dev/null; then
        echo "$candidate"
        return
      fi
    done
  done
  echo .venv/bin/python
}

# environment NAME PYTHON [PACKAGE ...]: make it once, with all that is pinned but the packages named.
environment() {
  local name=$1 python=$2 path=".venv-versions/$1" state pip
  shift 2
  state="$("$python" --version) $* $(cat pyproject.toml constraints.txt packaging/versions.sh | cksum)"
  if [ "$(cat "$path/stamp" 2>/dev/null)" != "$state" ]; then
    "$python" -m venv --clear "$path"
    grep --invert-match --extended-regexp '^(dask|distributed|dask-expr)==' constraints.txt >"$path/constraints.txt"
    [ $# -gt 0 ] || cp constraints.txt "$path/constraints.txt"
    pip=("$path/bin/python" -m pip --disable-pip-version-check install --quiet --constraint "$path/constraints.txt")
    "${pip[@]}" pip
    "${pip[@]}" --editable ".[auto]" --group test "dask[array,dataframe,distributed]" "$@"
    echo "$state" >"$path/stamp"
  fi
}

# test NAME: both ends are tested at once, so each has a log; they mostly wait.
test() {
  local name=$1
  echo "testing the instrumentation: $(".venv-versions/$name/bin/python" -c '
import platform, distributed
print("Python", platform.python_version(), "with Dask", distributed.__version__)')"
  ".venv-versions/$name/bin/python" -m pytest "${options[@]}" "${tests[@]}" ${ARGS:-}
}

environment oldest .venv/bin/python "distributed==$oldest_dask" "dask==$oldest_dask"
environment newest "$(newest_python)"
test oldest >.venv-versions/oldest.log 2>&1 &
status=0
test newest || status=$?
wait $! || status=$?
cat .venv-versions/oldest.log
exit $status
