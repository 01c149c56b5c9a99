"""Runs the FOCUS validator on files and prints what it says, a line for each rule that a file breaks:

file<TAB>rule<TAB>violations<TAB>what the rule asks for

and a last line for each file with the numbers of rules that hold, are broken and were left out. Arguments: what the
provider supports (`ALL`, or a list with commas; `-`: nothing said), then files. Rules that only put others together
are left out where one of those is broken.
"""

import contextlib
import io
import logging
import os
import sys
from pathlib import Path

import focus_validator
from focus_validator.validator import Validator

criteria, *files = sys.argv[1:]
files = [Path(file).resolve() for file in files]
# It looks for its list of currencies below the folder that it is called in.
os.chdir(Path(focus_validator.__file__).parent.parent)
logging.disable(logging.CRITICAL)

for file in files:
    with contextlib.redirect_stdout(io.StringIO()):
        validator = Validator(
            data_filename=str(file),
            output_destination=None,
            output_type="console",
            column_namespace=None,
            rules_version="1.2",
            focus_dataset="CostAndUsage",
            rules_block_remote_download=True,
            applicability_criteria=None if criteria == "-" else criteria,
        )
        results = validator.validate()
    held = broken = left_out = 0
    for rule, entry in results.by_rule_id.items():
        details = entry.get("details") or {}
        if details.get("skipped"):
            left_out += 1
        elif entry.get("ok"):
            held += 1
        else:
            message = str(details.get("message") or "")
            if "failed child rules" in message:
                continue
            broken += 1
            print(f"{file.name}\t{rule}\t{details.get('violations')}\t{message}")
    print(f"{file.name}\t{held} hold, {broken} broken, {left_out} left out", flush=True)
