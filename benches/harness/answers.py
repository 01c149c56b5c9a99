"""Are two answers the same? Exact decimals for money and counts, a stated tolerance for the rest."""

import csv
from decimal import Decimal, InvalidOperation


def read(path: str) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def same(ours: str, theirs: str, allowed: str) -> bool:
    if ours == theirs:
        return True
    a, b = _number(ours), _number(theirs)
    if a is None or b is None:
        return ours.lower() == theirs.lower()
    return abs(a - b) <= Decimal(allowed) * max(abs(a), abs(b), Decimal(1))


def differences(
    ours: list[dict[str, str]],
    theirs: list[dict[str, str]],
    keys: list[str],
    exact: list[str],
    close: dict[str, str],
) -> list[str]:
    """What the two say differently about the columns compared, in words; empty when nothing. `close` names columns
    with the relative difference that is allowed them."""

    def keyed(rows, side):
        found: dict[tuple[str, ...], dict[str, str]] = {}
        for row in rows:
            key = tuple(_key(row[k]) for k in keys)
            if key in found:
                raise RuntimeError(f"{side} has two rows for {key}")
            found[key] = row
        return found

    a, b = keyed(ours, "spendscope"), keyed(theirs, "DuckDB")
    if not a and not b:
        return ["both answers are empty"]
    said = []
    for key in sorted(a.keys() - b.keys()):
        said.append(f"{key}: only ours")
    for key in sorted(b.keys() - a.keys()):
        said.append(f"{key}: only DuckDB's")
    allowed = {**{column: "0" for column in exact}, **close}
    for key in sorted(a.keys() & b.keys()):
        for column, tolerance in allowed.items():
            if not same(a[key][column], b[key][column], tolerance):
                said.append(f"{key} {column}: ours {a[key][column]!r}, DuckDB's {b[key][column]!r}")
    return said


def _key(text: str) -> str:
    """Instants are written in several ways: 2026-09-01T00:00:00Z, 2026-09-01 00:00:00."""
    return text.replace("T", " ").removesuffix("Z").removesuffix("+00:00").removesuffix(".000000") if text[:2] == "20" else text
