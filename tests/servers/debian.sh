#!/usr/bin/env bash
# Installs the servers of the tests that Debian has: Prometheus and PostgreSQL. The tests start their own,
# each on a free port of the loopback in a scratch folder; a server that runs here already is left alone.
set -euo pipefail

packages=()
command -v prometheus >/dev/null || packages+=(prometheus)
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null || packages+=(postgresql)
command -v openssl >/dev/null || packages+=(openssl)
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
echo "servers of the tests: $(prometheus --version 2>&1 | head -1), $(ls -d /usr/lib/postgresql/* 2>/dev/null | tail -1)"
