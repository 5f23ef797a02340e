#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Validates lists: `json_schema.py SCHEMAS < LINES`.

SCHEMAS is Documentation/json/. Each line is `TOOL COMMAND LEAST FILE`: what a
tool's command wrote to a file. An array must have at least LEAST elements: an
empty one fits every schema.
"""

import json
import pathlib
import sys

import jsonschema


def problems(schemas, tool, command, least, file):
    """Yields a sentence for each error."""
    definitions = json.loads((schemas / f"{tool}.json").read_text(encoding="utf-8"))["definitions"]
    if command not in definitions:
        yield "there is no schema"
        return
    schema = {"$ref": f"#/definitions/{command}", "definitions": definitions}
    data = json.loads(pathlib.Path(file).read_text(encoding="utf-8"))
    for error in jsonschema.Draft7Validator(schema).iter_errors(data):
        yield f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
    if isinstance(data, list) and len(data) < int(least):
        yield f"expected at least {least} elements, got {len(data)}"


def main():
    """Prints a sentence for each error; returns whether there is one."""
    schemas = pathlib.Path(sys.argv[1])
    found = [
        f"{tool} {command}: {problem}"
        for tool, command, least, file in map(str.split, sys.stdin)
        for problem in problems(schemas, tool, command, least, file)
    ]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
