#!/usr/bin/env bash
# Installs the programs that reports are looked at with: Chromium for the page, LibreOffice Calc for the
# workbook. The tests start them without a window, each with a profile in a scratch folder.
set -euo pipefail

packages=()
command -v chromium >/dev/null || command -v google-chrome >/dev/null || packages+=(chromium)
command -v soffice >/dev/null || command -v libreoffice >/dev/null || packages+=(libreoffice-calc)
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
echo "desktop programs of the tests: $(chromium --version 2>/dev/null | head -1), $(soffice --version 2>/dev/null | head -1)"
