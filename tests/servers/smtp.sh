#!/usr/bin/env bash
# Installs the mail server of the tests (aiosmtpd, from PyPI) outside the checkout, once; smtp.py runs it.
set -euo pipefail
folder="${SPENDSCOPE_SERVERS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/spendscope/servers}/smtp"
package="aiosmtpd==1.4.6"

as_root() { command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; }
if [ "$(cat "$folder/installed.txt" 2>/dev/null)" != "$package" ]; then
    mkdir -p "$folder"
    if ! command -v python3 >/dev/null && as_root; then
        apt-get -qq update && apt-get -qq install -y python3 python3-venv >/dev/null
    fi
    command -v python3 >/dev/null || { echo "tests/servers: no python3 for the mail server" >&2; exit 1; }
    # Debian has venv in a package of its own.
    python3 -m venv --clear "$folder/venv" 2>/dev/null || {
        as_root && apt-get -qq update && apt-get -qq install -y python3-venv >/dev/null
        python3 -m venv --clear "$folder/venv"
    }
    "$folder/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
    echo "$package" > "$folder/installed.txt"
fi
if ! command -v openssl >/dev/null && as_root; then
    apt-get -qq update && apt-get -qq install -y openssl >/dev/null
fi
command -v openssl >/dev/null || { echo "tests/servers: no openssl for the mail server's certificates" >&2; exit 1; }
echo "mail server of the tests: $package"
