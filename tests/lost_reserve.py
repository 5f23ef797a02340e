#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Sends a RESERVE that has to wait, and leaves: `lost_reserve.py TARGET`. The metadata of LUN 0 stand still."""

import sys
import time

from raw_session import Session
from steps import wait_executing


def main():
    target = sys.argv[1]
    one = Session(target, name="iqn.2024-01.test:slow", isid=1)
    two = Session(target, name="iqn.2024-01.test:lost", isid=2)
    one.clear_attentions()
    two.clear_attentions()
    # MODE SELECT with SP, of the Caching page as it is: its values go to the metadata, for as long as that takes.
    page = bytearray(one.do(bytes([0x5A, 8, 8, 0, 0, 0, 0, 0, 64, 0]), read=64).data[8:28])
    page[0] &= 0x3F
    saving = one.start(bytes([0x55, 0x11, 0, 0, 0, 0, 0, 0, 28, 0]), write=bytes(8) + bytes(page))
    wait_executing(1)
    two.start(bytes([0x16, 0, 0, 0, 0, 0]))
    wait_executing(2)
    two.close()
    if one.answer(saving, 20) is None:
        sys.exit("FAIL: expected an answer to MODE SELECT within 20 s")
    time.sleep(1)
    one.logout()


if __name__ == "__main__":
    main()
