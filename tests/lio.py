#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Has LIO serve two disks, and saves that as targetcli does:
`lio.py DEVICE FILE TARGET INITIATOR SECRET SAVECONFIG`.

The initiator sees the device at LUN 4 and the file, write-protected, at LUN 5.
"""

import sys

import rtslib_fb as rtslib


def main():
    device, file, name, initiator, secret, saveconfig = sys.argv[1:]
    root = rtslib.RTSRoot()
    disk = rtslib.BlockStorageObject("disk", dev=device)
    disk.set_attribute("emulate_model_alias", 1)
    archive = rtslib.FileIOStorageObject("archive", dev=file, size=64 << 20, write_back=False)
    rtslib.RDMCPStorageObject("scratch", size=8 << 20)
    tpg = rtslib.TPG(rtslib.Target(rtslib.FabricModule("iscsi"), name), 1)
    luns = [rtslib.LUN(tpg, 0, disk), rtslib.LUN(tpg, 1, archive)]
    rtslib.NetworkPortal(tpg, "0.0.0.0", 3260)
    acl = rtslib.NodeACL(tpg, initiator)
    rtslib.MappedLUN(acl, 4, luns[0])
    rtslib.MappedLUN(acl, 5, luns[1], True)
    acl.chap_userid, acl.chap_password = "joe", secret
    tpg.set_attribute("authentication", 1)
    tpg.enable = True
    root.save_to_file(saveconfig)


if __name__ == "__main__":
    main()
