#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Validates a list: `json_schema.py SCHEMA COMMAND LEAST < JSON`.

SCHEMA is a file of Documentation/json/, COMMAND what it has a definition of. An
array must have at least LEAST elements: an empty one fits every schema.
"""

import json
import pathlib
import sys

import jsonschema


def main():
    """Prints a sentence for each error; returns whether there is one."""
    whole = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    if sys.argv[2] not in whole["definitions"]:
        sys.exit(f"{sys.argv[1]} has nothing about {sys.argv[2]}")
    schema = {"$ref": f"#/definitions/{sys.argv[2]}", "definitions": whole["definitions"]}
    data = json.load(sys.stdin)
    errors = [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
        for error in jsonschema.Draft7Validator(schema).iter_errors(data)
    ]
    if isinstance(data, list) and len(data) < int(sys.argv[3]):
        errors.append(f"expected at least {sys.argv[3]} elements, got {len(data)}")
    print("\n".join(errors), end="\n" if errors else "")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
