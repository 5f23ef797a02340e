#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Boots the installed system twice: `boot.py KERNEL ACCELERATOR DIRECTORY`.

The directory has the disks: `image`, the root, `data`, and `late`, which the second
boot begins without.  What tests/installed/guest prints leads on from step to step.
The serial console is kept in `console`.
"""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

LIMIT = 240  # Seconds for a boot, and what is done in it.


class Machine:
    """A QEMU with the disks of a directory."""

    def __init__(self, kernel, accelerator, work, has_late):
        self.work = work
        accelerator = "kvm" if accelerator == "kvm" else "tcg,thread=multi"
        command = ["qemu-system-x86_64", "-kernel", kernel, "-accel", accelerator]
        command += ["-smp", "2", "-m", "1G", "-nodefaults", "-display", "none", "-no-reboot"]
        command += ["-append", "root=/dev/vda rw console=ttyS0 panic=-1 systemd.show_status=no systemd.log_level=warning"]
        command += ["-chardev", f"stdio,id=console,logfile={work}/console,logappend=on"]
        command += ["-serial", "chardev:console", "-qmp", f"unix:{work}/qmp,server=on,wait=off"]
        command += ["-drive", f"file={work}/image,format=raw,if=virtio,cache=unsafe"]
        command += ["-device", "virtio-scsi-pci"]
        for name in ("data", "late"):
            command += ["-drive", f"file={work}/{name},format=raw,if=none,id={name}"]
            if name == "data" or has_late:
                command += ["-device", f"scsi-hd,drive={name},serial={name}"]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            errors="replace",
        )

    def plug(self, name):
        """Adds a disk, as if somebody put it in."""
        with socket.socket(socket.AF_UNIX) as qmp:
            qmp.connect(f"{self.work}/qmp")
            stream = qmp.makefile("rw", encoding="utf-8")
            stream.readline()
            device = {"driver": "scsi-hd", "drive": name, "serial": name}
            for execute, arguments in (("qmp_capabilities", {}), ("device_add", device)):
                stream.write(json.dumps({"execute": execute, "arguments": arguments}) + "\n")
                stream.flush()
                answer = json.loads(stream.readline())
                if "error" in answer:
                    sys.exit(f"FAIL: {execute}: {answer['error']['desc']}")

    def run(self):
        """Shows what it prints until it says how it ended; returns that."""
        status = None
        for line in self.process.stdout:
            print(line, end="", flush=True)
            if "@@ plug" in line:
                self.plug("late")
            elif match := re.search(r"@@ end (\d+)", line):
                status = int(match[1])
        self.process.wait()
        return status


def main():
    kernel, accelerator, work = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    for has_late in (True, False):
        machine = Machine(kernel, accelerator, work, has_late)
        # Ends it when it hangs, and then there is no more to read.
        watchdog = subprocess.Popen(
            ["sh", "-c", f"sleep {LIMIT} && kill {machine.process.pid}"], start_new_session=True
        )
        began = time.monotonic()
        status = machine.run()
        os.killpg(watchdog.pid, 15)
        print(f"-- {time.monotonic() - began:.0f} s")
        if status != 0:
            sys.exit(f"FAIL: expected the boot to end with status 0, got {status}")


if __name__ == "__main__":
    main()
