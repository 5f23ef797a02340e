# SPDX-License-Identifier: GPL-2.0
"""What is measured: the raw device, LIO and ours, set up inside the guest.

Every side has a null_blk device of its own, all made alike, so that all can be
there at once and their measurements alternate.
"""

import os
import pathlib
import re
import subprocess
import time

NULLB = pathlib.Path("/sys/kernel/config/nullb")
CORE = pathlib.Path("/sys/kernel/config/target/core")
FABRIC = pathlib.Path("/sys/kernel/config/target")
LIO_NAME = "iqn.2026-11.bench:lio"
OUR_NAME = "iqn.2026-11.bench:ours"
LIO_PORTAL = "127.0.0.1:3261"
OUR_PORTAL = "127.0.0.1:3260"
LIO_LOOP = "naa.6001405000000001"
INITIATOR = "iqn.2024-01.test:initiator"

DEVICE = {"size": 65536, "blocksize": 512, "irqmode": 1, "hw_queue_depth": 128, "max_sectors": 2048}
# LIO's best: commands submitted and completed where they arrive (iSCSI's way by
# default), no write cache to emulate.
LIO_BACKSTORE = {"submit_type": 1, "complete_type": 1, "emulate_write_cache": 0}
LIO_TPG = {
    "authentication": 0,
    "generate_node_acls": 1,
    "cache_dynamic_acls": 1,
    "demo_mode_write_protect": 0,
    "default_cmdsn_depth": 128,
}
LIO_PARAMETERS = {
    "HeaderDigest": "None",
    "DataDigest": "None",
    "ImmediateData": "Yes",
    "InitialR2T": "No",
    "MaxBurstLength": 1048576,
    "FirstBurstLength": 262144,
    "MaxRecvDataSegmentLength": 262144,
    "MaxXmitDataSegmentLength": 262144,
    "MaxOutstandingR2T": 8,
}
# The initiator is the same for both.
OPEN_ISCSI = {
    "node.session.cmds_max": 1024,
    "node.session.queue_depth": 128,
    "node.session.iscsi.InitialR2T": "No",
    "node.session.iscsi.ImmediateData": "Yes",
    "node.session.iscsi.FirstBurstLength": 262144,
    "node.session.iscsi.MaxBurstLength": 1048576,
    "node.conn[0].iscsi.MaxRecvDataSegmentLength": 262144,
    "node.conn[0].timeo.noop_out_interval": 0,
    "node.conn[0].timeo.noop_out_timeout": 0,
}


def run(*command):
    """Runs a command; returns what it prints, and fails with it."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr or done.stdout}")
    return done.stdout


def put(path, value):
    """Writes an attribute of configfs or sysfs."""
    pathlib.Path(path).write_text(f"{value}\n", encoding="ascii")


def put_if_there(path, value):
    """Writes an attribute that not every kernel has; says whether it took it."""
    try:
        put(path, value)
        return True
    except OSError:
        return False


def settings(values):
    """Settings as one line for people."""
    return ", ".join(f"{key}={value}" for key, value in values.items())


def wait_for(find, what, limit=60):
    """Waits until `find` returns something, and returns it."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if found := find():
            return found
        time.sleep(0.1)
    raise RuntimeError(f"not there after {limit} s: {what}")


def null_device(name):
    """Makes a null_blk device; returns its path."""
    home = NULLB / name
    home.mkdir()
    for key, value in DEVICE.items():
        put(home / key, value)
    put(home / "submit_queues", os.cpu_count())
    put(home / "power", 1)
    index = (home / "index").read_text(encoding="ascii").strip()
    named = pathlib.Path(f"/dev/{name}")
    path = named if named.exists() else pathlib.Path(f"/dev/nullb{index}")
    return str(tuned(path))


def tuned(disk):
    """Pins what would differ from disk to disk; returns the disk."""
    queue = pathlib.Path("/sys/block") / pathlib.Path(disk).name / "queue"
    wait_for(lambda: put_if_there(queue / "scheduler", "none"), f"{disk} as a whole")
    put(queue / "nomerges", 2)
    put(queue / "add_random", 0)
    put_if_there(queue / "wbt_lat_usec", 0)
    most = int((queue / "max_hw_sectors_kb").read_text(encoding="ascii"))
    put(queue / "max_sectors_kb", min(most, 1024))
    return disk


def disks_below(root, pattern):
    """The disks of a SCSI host, by the glob of their devices, in order of discovery."""
    found = [
        path
        for host in pathlib.Path("/").glob(root.lstrip("/"))
        for path in host.glob(f"target*/{pattern}/block/*")
    ]
    return ["/dev/" + path.name for path in sorted(found, key=lambda p: (len(p.name), p.name))]


def local_disks(root, luns):
    """The disks of a SCSI host at these LUNs, when they are there."""

    def disk(lun):
        return wait_for(lambda: disks_below(root, f"*:{lun}"), f"the local disk at LUN {lun}")[0]

    return [tuned(disk(lun)) for lun in luns]


def hold_udev():
    """Keeps udev from looking at a disk anew after each load that wrote to it."""
    run("udevadm", "settle")
    run("udevadm", "control", "--stop-exec-queue")


# --- iSCSI initiator ----------------------------------------------------------


def start_iscsid():
    """Starts open-iscsi's daemon; the guest's /etc and /run are its own."""
    run("ip", "link", "set", "lo", "up")
    for path in ("/run/lock/iscsi", "/etc/iscsi"):
        os.makedirs(path, exist_ok=True)
    put("/etc/iscsi/initiatorname.iscsi", f"InitiatorName={INITIATOR}")
    subprocess.Popen(["iscsid", "-f"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    sockets = pathlib.Path("/proc/net/unix")
    wait_for(lambda: "ISCSIADM_ABSTRACT_NAMESPACE" in sockets.read_text("ascii"), "iscsid")


def login(target, portal, sessions):
    """Logs in so many times."""
    run("iscsiadm", "-m", "discovery", "-t", "sendtargets", "-p", portal)
    node = ("iscsiadm", "-m", "node", "-T", target, "-p", portal)
    for key, value in {**OPEN_ISCSI, "node.session.nr_sessions": sessions}.items():
        run(*node, "-o", "update", "-n", key, "-v", value)
    run(*node, "--login")


def session_disks(target, lun, count):
    """The disks at a LUN of all sessions with a target, when they are there."""

    def find():
        disks = []
        for session in pathlib.Path("/sys/class/iscsi_session").glob("session*"):
            if (session / "targetname").read_text(encoding="ascii").strip() == target:
                disks += disks_below(f"{session}/device", f"*:*:*:{lun}")
        return disks if len(disks) == count else None

    disks = wait_for(find, f"{count} disks of {target}")
    disks.sort(key=lambda disk: (len(disk), disk))
    for disk in disks:
        wait_for(lambda: os.path.exists(disk), disk)
        tuned(disk)
    return disks


# --- LIO ----------------------------------------------------------------------


def lio_backstore(name, device):
    """A LIO backstore on a block device."""
    home = CORE / "iblock_0" / name
    home.mkdir(parents=True)
    put(home / "control", f"udev_path={device}")
    put(home / "enable", 1)
    for key, value in LIO_BACKSTORE.items():
        put_if_there(home / "attrib" / key, value)
    return home


def lio_lun(tpg, number, backstore):
    """Maps a backstore to a LUN of a target portal group."""
    lun = tpg / "lun" / f"lun_{number}"
    lun.mkdir()
    (lun / backstore.name).symlink_to(backstore)


def load_lio():
    """Loads LIO."""
    os.makedirs("/var/target/pr", exist_ok=True)
    run("modprobe", "target_core_mod")
    run("modprobe", "target_core_iblock")


def lio_iscsi(devices, sessions):
    """LIO's iSCSI target with a LUN for each device; returns LUN 0 of each session."""
    run("modprobe", "iscsi_target_mod")
    (FABRIC / "iscsi").mkdir(exist_ok=True)
    tpg = FABRIC / "iscsi" / LIO_NAME / "tpgt_1"
    tpg.mkdir(parents=True)
    for key, value in LIO_TPG.items():
        put(tpg / "attrib" / key, value)
    for key, value in LIO_PARAMETERS.items():
        put(tpg / "param" / key, value)
    for number, device in enumerate(devices):
        lio_lun(tpg, number, lio_backstore(f"iscsi{number}", device))
    (tpg / "np" / LIO_PORTAL).mkdir()
    put(tpg / "enable", 1)
    login(LIO_NAME, LIO_PORTAL, sessions)
    return session_disks(LIO_NAME, 0, sessions)


def lio_loop(devices):
    """LIO's local port with a LUN for each device; returns its disks."""
    run("modprobe", "tcm_loop", f"nr_hw_queues={os.cpu_count()}")
    (FABRIC / "loopback").mkdir(exist_ok=True)
    tpg = FABRIC / "loopback" / LIO_LOOP / "tpgt_1"
    tpg.mkdir(parents=True)
    put(tpg / "nexus", LIO_LOOP[:-1] + "f")
    for number, device in enumerate(devices):
        lio_lun(tpg, number, lio_backstore(f"loop{number}", device))
    root = "/sys/devices/tcm_loop_0/tcm_loop_adapter_*/host*"
    return local_disks(root, range(len(devices)))


# --- ours ---------------------------------------------------------------------


def load_ours(*names):
    """Loads modules of the project, all that are measured when none are named."""
    modules = pathlib.Path(os.environ["COMSTAR_MODULES"])
    for name in names or ("stmf", "stmf_sbd", "stmf_null", "stmf_iscsi", "stmf_loopback"):
        run("insmod", modules / f"{name}.ko")


def our_lu(device, lun):
    """A disk of ours on a block device."""
    guid = run("stmfadm", "create-lu", device).split()[-1]
    run("stmfadm", "add-view", "-n", lun, guid)
    return guid


def null_lu(lun):
    """Maps the disk of stmf_null, the only one so far."""
    guid = re.search(r"6[0-9A-F]{31}", run("stmfadm", "list-lu"))[0]
    run("stmfadm", "add-view", "-n", lun, guid)


def our_iscsi(sessions):
    """Our iSCSI target; returns LUN 0 of each session."""
    run("itadm", "create-target", "-n", OUR_NAME)
    login(OUR_NAME, OUR_PORTAL, sessions)
    return session_disks(OUR_NAME, 0, sessions)


def our_loop(luns):
    """Our local port; returns the disks at these LUNs."""
    run("stmfadm", "create-target", "-P", "loopback")
    return local_disks("/sys/devices/faux/stmf_loopback.*/host*", luns)
