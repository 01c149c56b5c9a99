#!/usr/bin/env bash
# Installs the object-store servers of the tests from packages, outside the checkout, once. Versions are pinned: a server
# that changes its mind must not change what a test says. Prints what is there; a part that fails is named.
set -euo pipefail
folder="${SPENDSCOPE_SERVERS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/spendscope/servers}"
mkdir -p "$folder"

# S3: moto refuses a second put with If-None-Match, s3rver does not know that header: both are wanted. Azure: Azurite.
# Google: none. The emulators in the registries neither list objects as Google does nor send what a client needs.
python_packages=("moto[s3,server]==5.2.1")
node_packages=("azurite@3.37.0" "s3rver@3.7.1")

stamp() { printf '%s\n' "$@"; }
if [ "$(cat "$folder/python.txt" 2>/dev/null)" != "$(stamp "${python_packages[@]}")" ]; then
    command -v python3 >/dev/null || { echo "tests/servers: no python3 for the S3 server" >&2; exit 1; }
    # Debian has venv in a package of its own.
    python3 -m venv --clear "$folder/venv" 2>/dev/null || {
        rm -rf "$folder/venv"
        command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] && apt-get -qq update && apt-get -qq install -y python3-venv >/dev/null
        python3 -m venv "$folder/venv"
    }
    "$folder/venv/bin/pip" install --quiet --disable-pip-version-check "${python_packages[@]}"
    stamp "${python_packages[@]}" > "$folder/python.txt"
fi
if [ "$(cat "$folder/node.txt" 2>/dev/null)" != "$(stamp "${node_packages[@]}")" ]; then
    if ! command -v npm >/dev/null && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        apt-get -qq update && apt-get -qq install -y nodejs npm >/dev/null
    fi
    command -v npm >/dev/null || { echo "tests/servers: no npm for the Azure server" >&2; exit 1; }
    npm install --silent --no-audit --no-fund --prefix "$folder/npm" "${node_packages[@]}" >/dev/null
    stamp "${node_packages[@]}" > "$folder/node.txt"
fi
echo "servers of the tests: $(stamp "${python_packages[@]}" "${node_packages[@]}" | tr '\n' ' ')"
