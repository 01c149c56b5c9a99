#!/usr/bin/env bash
# Installs the FinOps Foundation's validator of FOCUS files (from PyPI) outside the checkout, once; focus_rules.py
# runs it. It needs Python 3.12, and a pyarrow that still knows its numpy. Its rules for FOCUS 1.2 come with it.
set -euo pipefail
folder="${SPENDSCOPE_SERVERS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/spendscope/servers}/focus_validator"
packages=("focus_validator==2.2.1" "pyarrow==19.0.1")

# Any Python 3.12 of the machine: on the path, of pyenv, else one that uv brings.
python() {
    for candidate in python3.12 python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.12*/bin/python3; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 12))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    python3 -m venv --clear "$folder/uv" >&2
    "$folder/uv/bin/pip" install --quiet --disable-pip-version-check uv >&2
    "$folder/uv/bin/uv" python install --quiet 3.12 >&2
    "$folder/uv/bin/uv" python find 3.12
}

stamp() { printf '%s\n' "${packages[@]}"; }
if [ "$(cat "$folder/installed.txt" 2>/dev/null)" != "$(stamp)" ]; then
    mkdir -p "$folder"
    command -v python3 >/dev/null || { echo "tests/servers: no python3 for the validator of FOCUS files" >&2; exit 1; }
    python="$(python)" || { echo "tests/servers: no Python 3.12 for the validator of FOCUS files" >&2; exit 1; }
    "$python" -m venv --clear "$folder/venv"
    "$folder/venv/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}"
    stamp > "$folder/installed.txt"
fi
echo "validator of FOCUS files: $(stamp | tr '\n' ' ')"
