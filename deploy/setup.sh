#!/usr/bin/env bash
# Installs Ementa into .venv: `deploy/setup.sh base|dev [PYTHON]`. Run again it only does what is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
unset PYTHONDONTWRITEBYTECODE PIP_NO_COMPILE

kind="${1:-base}"
python="${2:-python3}"
case "$kind" in
  base) stamp=.venv/.installed ;;
  dev) stamp=.venv/.installed-dev ;;
  *) echo "usage: deploy/setup.sh base|dev [PYTHON]" >&2; exit 2 ;;
esac
lock="requirements/$kind.txt"

say() { printf '%s\n' "$*"; }
fail() { printf 'ementa setup: %s\n' "$*" >&2; exit 1; }

# root, or sudo that asks for nothing; else nothing is printed and apt is left to the reader
as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"
  elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then sudo -n "$@"
  else return 77
  fi
}

find_python() {
  for candidate in "$python" python3.12 python3.11 python3.13; do
    if command -v "$candidate" >/dev/null 2>&1 &&
      "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      python="$candidate"
      return
    fi
  done
  fail "Python 3.11 or newer is needed and '$python' is not it. On Debian 12+ or Ubuntu 24.04+: apt-get install python3 python3-venv; then run make again, or name one: make PY=/path/to/python3.11 setup"
}

install_apt() {
  command -v apt-get >/dev/null 2>&1 || return 77
  say "Installing with apt: $*"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq || return $?
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

have_tesseract() {
  command -v tesseract >/dev/null 2>&1 || return 1
  local languages
  languages="$(tesseract --list-langs 2>/dev/null || true)"
  grep -qx por <<<"$languages" && grep -qx eng <<<"$languages"
}

ensure_tesseract() {
  have_tesseract && return
  if install_apt tesseract-ocr tesseract-ocr-por tesseract-ocr-eng && have_tesseract; then return; fi
  say ""
  say "Tesseract with Portuguese and English is missing and could not be installed from here."
  say "PDFs with text, Office files and e-mail will be read; scans and photographs will not, until you run:"
  say "    sudo apt-get install tesseract-ocr tesseract-ocr-por tesseract-ocr-eng"
  say ""
}

# What only the tests need: a Redis to share limits and answers through. Its tools hold the server too, and no service.
ensure_redis() {
  if command -v redis-server >/dev/null 2>&1 || command -v redis-check-rdb >/dev/null 2>&1; then return; fi
  if install_apt redis-tools && command -v redis-check-rdb >/dev/null 2>&1; then return; fi
  say ""
  say "Redis is missing and could not be installed from here: its tests are skipped (in CI they fail) until you run:"
  say "    sudo apt-get install redis-tools"
  say ""
}

# Checks the alert rules. Taken out of Debian's package, which would start a Prometheus.
ensure_promtool() {
  if [ -x .venv/bin/promtool ] || command -v promtool >/dev/null 2>&1; then return; fi
  local place
  place="$(mktemp -d)"
  chmod 755 "$place"
  if command -v apt-get >/dev/null 2>&1 && (cd "$place" && fetch_package prometheus) >/dev/null 2>&1 &&
    dpkg -x "$place"/prometheus_*.deb "$place/out" && install -m 755 "$place/out/usr/bin/promtool" .venv/bin/promtool; then
    rm -rf "$place"
    return
  fi
  rm -rf "$place"
  say ""
  say "promtool is missing and could not be installed from here: the tests of the alert rules will not run."
  say "It comes with Prometheus: https://prometheus.io/download, or apt-get install prometheus."
  say ""
}

fetch_package() { apt-get download -qq "$1" || { as_root apt-get update -qq && apt-get download -qq "$1"; }; }

make_environment() {
  if [ -x .venv/bin/python ] && .venv/bin/python -m pip --version >/dev/null 2>&1; then return; fi
  if [ ! -x .venv/bin/python ] && ! "$python" -m venv .venv 2>/dev/null; then
    rm -rf .venv
    version="$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
    install_apt "python$version-venv" || install_apt python3-venv || true
    "$python" -m venv .venv || fail "the venv module of Python is missing. Install it: sudo apt-get install python$version-venv (or python3-venv)"
  fi
  # An environment that another tool made may lack pip.
  .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip --upgrade >/dev/null ||
    fail "this .venv has no pip; remove it (rm -rf .venv) and run make again"
}

fingerprint() { cat "$lock" pyproject.toml | cksum; }

install_packages() {
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(fingerprint)" ] && .venv/bin/ementa --version >/dev/null 2>&1; then
    return
  fi
  say "Installing the locked packages ($lock)"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r "$lock"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --no-build-isolation -e .
  # Bytecode now, so that the first start need not make it. What cannot be compiled is code for Python 2, never loaded.
  .venv/bin/python -m compileall -qq -j 0 .venv/lib src/ementa || true
}

find_python
make_environment
install_packages
ensure_tesseract
if [ "$kind" = dev ]; then ensure_redis; ensure_promtool; fi
fingerprint >"$stamp"
# What develops Ementa also runs it.
if [ "$kind" = dev ]; then cat requirements/base.txt pyproject.toml | cksum >.venv/.installed; fi
say "Ementa is installed in .venv ($kind)."
