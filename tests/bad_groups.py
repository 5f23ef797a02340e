#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Asks the kernel for groups with bad names: `bad_groups.py YNL SPEC GROUP`.

Through the kernel's own netlink library, so that nothing between checks them.
Each must be refused, and the refusal name the field.
"""

import sys

sys.path.append(sys.argv[1])
# pylint: disable-next=import-error,wrong-import-position
from lib import NlError, YnlFamily  # noqa: E402

LONG = "x" * 256
GROUPS = ["", "*", "*x", "a\x01", "a\x7f", LONG]
MEMBERS = ["", "host1", "iqn.a b", "iqn.", "wwn.123", "iqn." + LONG]


def main():
    """Returns how many were not refused as they should be."""
    ynl = YnlFamily(sys.argv[2], schema="")
    requests = [("group-add", {"kind": "host", "name": name}) for name in GROUPS]
    requests += [
        ("group-member-add", {"kind": "target", "group": sys.argv[3], "name": name})
        for name in MEMBERS
    ]
    requests.append(("view-add", {"guid": "60" * 16, "lun": 16384}))
    bad = 0
    for operation, request in requests:
        field = "lun" if "lun" in request else "name"
        try:
            ynl.do(operation, request)
            print(f"not refused: {operation} {request}")
            bad += 1
        except NlError as error:
            print(f"{operation} {request[field]!r:.20}: {error.nl_msg.extack}")
            bad += field not in error.nl_msg.extack.get("bad-attr", "")
    return bad


if __name__ == "__main__":
    sys.exit(main())
