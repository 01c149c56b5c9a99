#!/usr/bin/env bash
# Installs what the tests of `spendscope serve` ask it with, outside the checkout, once: the drivers of
# PostgreSQL from PyPI and npm, psql and JDBC's from Debian, and playwright-core to click through a page in Chromium.
# Versions are pinned, so that a driver that changes its mind does not change what a test says.
set -euo pipefail
folder="${SPENDSCOPE_SERVERS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/spendscope/servers}/drivers"
python_packages=("psycopg[binary]==3.2.13" "SQLAlchemy==2.0.44" "pg8000==1.31.5" "asyncpg==0.30.0")
node_packages=("pg@8.16.3" "playwright-core@1.56.1")

packages=()
command -v psql >/dev/null || packages+=(postgresql-client)
[ -e /usr/share/java/postgresql.jar ] || packages+=(libpostgresql-jdbc-java)
java --list-modules 2>/dev/null | grep -q jdk.compiler || packages+=(default-jdk-headless)
command -v python3 >/dev/null && python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3 python3-venv)
command -v npm >/dev/null || packages+=(nodejs npm)
if [ ${#packages[@]} -gt 0 ]; then
    root=()
    [ "$(id -u)" = 0 ] || root=(sudo -n)
    if ! command -v apt-get >/dev/null || ! "${root[@]}" true 2>/dev/null; then
        echo "tests/servers: missing: ${packages[*]}. Install them (on Debian: apt-get install ${packages[*]})," >&2
        echo "or run this as root, or with a sudo that asks for no password." >&2
        exit 1
    fi
    "${root[@]}" apt-get -qq update
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${packages[@]}" >/dev/null
fi

wanted="$(printf '%s\n' "${python_packages[@]}" "${node_packages[@]}")"
if [ "$(cat "$folder/installed.txt" 2>/dev/null)" != "$wanted" ]; then
    mkdir -p "$folder"
    python3 -m venv --clear "$folder/venv"
    "$folder/venv/bin/pip" install --quiet --disable-pip-version-check "${python_packages[@]}"
    npm install --silent --no-audit --no-fund --prefix "$folder/npm" "${node_packages[@]}" >/dev/null
    printf '%s' "$wanted" > "$folder/installed.txt"
fi
echo "drivers of the tests: $(psql --version), ${python_packages[*]} ${node_packages[*]}"
