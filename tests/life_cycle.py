#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of life_cycle.sh: `life_cycle.py SEED ROUNDS DIRECTORY TARGETS GUIDS`.

Eight sessions, of four hosts with two targets, write and verify all the time.  In each round
everything that an administrator can take away goes, and comes back, in an order by chance: so
most things happen while others are away.  Each step is done, or refused for the reason that is
expected of it, in time.  After a round the configuration is put back, and every session has to
do a round of its own without an error.
"""

import collections
import contextlib
import difflib
import hashlib
import json
import mmap
import os
import pathlib
import random
import re
import struct
import subprocess
import sys
import threading
import time

from steps import IS_SLOW, expect, fail, run, tried

DIRECTORY = pathlib.Path(sys.argv[3])
TARGETS, GUIDS = sys.argv[4].split(), sys.argv[5].split()
HOSTS = (1, 2, 3, 4)  # Each has the disk of its number, at the LUN below that.
LIMIT = 60 if IS_SLOW else 10  # Seconds for a step.
HANGS = 120  # One that takes so long never ends.
RECOVERY = 300 if IS_SLOW else 120  # Seconds until all sessions do their work again.
SIZE = 64 << 20  # Of a disk.
VIEWS = {1: "-n 0", 2: "-n 1", 3: "-h three -n 2", 4: "-h four -t both -n 3"}
PIECE = 1 << 20  # What a session writes.
STILL = 48 << 20  # Here is what nobody writes.
END = threading.Event()


# --- the sessions ------------------------------------------------------------


def read_line(path):
    return path.read_text(encoding="ascii").strip()


def sessions():
    """The sessions that are logged in: their folder by host and target."""
    found = {}
    for folder in pathlib.Path("/sys/class/iscsi_session").glob("session*"):
        try:
            host = int(read_line(folder / "initiatorname").rpartition("host")[2])
            if read_line(folder / "state") == "LOGGED_IN":
                found[host, TARGETS.index(read_line(folder / "targetname"))] = folder
        except (OSError, ValueError):
            continue
    return found


def disk_of(host, target):
    """The disk of a session, if it is there."""
    folder = sessions().get((host, target))
    with contextlib.suppress(OSError):  # It may go meanwhile.
        for block in folder.glob(f"device/target*/*:*:*:{host - 1}/block/*") if folder else ():
            return f"/dev/{block.name}"
    return None


class Load(threading.Thread):
    """What a session writes and verifies, again and again. I/O may fail, what was written may not be wrong."""

    def __init__(self, host, target):
        super().__init__(daemon=True)
        self.host, self.target = host, target
        self.name = f"host{host}-{target}"
        self.rounds, self.disturbed = 0, 0
        self.clean_since = 0.0  # When the last round began that had no error.
        self.last = "nothing yet"
        self.wrong = None

    def run(self):
        while not END.is_set() and not self.wrong:
            disk = disk_of(self.host, self.target)
            if disk:
                self.round(disk)
            else:
                END.wait(0.2)

    def round(self, disk):
        begin = time.monotonic()
        done = subprocess.run(
            ["fio", f"--name={self.name}", f"--filename={disk}", f"--offset={self.target * PIECE}",
             f"--size={PIECE}", "--rw=randwrite", "--bs=8k", "--iodepth=4", "--rate_iops=50", "--direct=1",
             "--ioengine=libaio", "--verify=crc32c", "--do_verify=1", "--verify_fatal=1",
             # Not random: after a write that failed fio expects the random numbers of other blocks.
             "--verify_state_save=0", "--continue_on_error=io", f"--verify_pattern={self.pattern()}",
             f"--aux-path={DIRECTORY}", "--output-format=json"],
            capture_output=True, text=True, check=False)
        self.rounds += 1
        self.last = (done.stdout + done.stderr)[-600:]
        if self.is_wrong(done.stdout + done.stderr):
            self.wrong = done.stderr + done.stdout
        elif done.returncode == 0 and job_of(done.stdout).get("total_err") == 0:
            self.clean_since = begin
        else:
            self.disturbed += 1
            END.wait(0.2)

    def is_wrong(self, said):
        """Whether a block is not as written.

        A read of a disk that has just gone ends early, and fio looks at what its buffer had before: the
        header of another block, or a pattern that got none. Then the block itself tells.
        """
        complaints = re.findall(r"verify: bad.*|.*verify failed.*|verify type mismatch.*", said)
        places = [re.match(r"verify: bad (?:header offset|magic header) .* at file \S+ offset (\d+)", line)
                  for line in complaints]
        return not all(place and self.is_at(int(place[1])) for place in places)

    def is_at(self, offset):
        """Whether the block that fio wrote to this place is there, once the disk is."""
        while not END.is_set():
            try:
                block = read(disk_of(self.host, self.target), offset, 8192)
                # A magic number, behind it the kind, the length, and the seed.
                magic, where = struct.unpack_from("<H14xQ", block)
                return (magic, where) == (0xACCA, offset)
            except (OSError, TypeError):
                END.wait(0.2)
        return True

    def state(self):
        """What is known of it, for a message."""
        folder = sessions().get((self.host, self.target))
        found = [str(path) for path in folder.glob("device/target*/*:*:*:*")] if folder else []
        blocks = [f"{path}: {read_line(path / 'state')}" for path in map(pathlib.Path, found)]
        return f"{self.name}: session {folder}, its devices {blocks}, its disk {disk_of(self.host, self.target)}, " \
            f"{self.rounds} rounds, the last: {self.last}"

    def pattern(self):
        """What nobody else writes, and not in any other round."""
        return f"0x{self.host:02x}{self.target:02x}{self.rounds:08x}"


def job_of(output):
    """What fio's output in JSON, which messages may precede, says of the job."""
    try:
        return json.loads(output[output.index("{\n"):])["jobs"][0]
    except ValueError:
        return {}


LOADS = [Load(host, target) for host in HOSTS for target in range(len(TARGETS))]


def check_loads():
    for load in LOADS:
        if load.wrong:
            fail(f"{load.name}: expected every block as written: {load.wrong[:2000]}")


def look_at_empty_disks():
    """Linux takes a disk for empty whose size it asked for while it was away, until it is told to ask again."""
    for load in LOADS:
        disk = disk_of(load.host, load.target)
        block = disk and pathlib.Path("/sys/block", pathlib.Path(disk).name)
        try:
            if block and read_line(block / "size") == "0":
                (block / "device" / "rescan").write_text("1", encoding="ascii")
        except OSError:
            continue


def recover():
    """All sessions come back, and do a round without an error. The initiator gives up what it was told is gone."""
    begin = time.monotonic()
    again = set()
    while waiting := [load for load in LOADS if load.clean_since < begin]:
        check_loads()
        seconds = time.monotonic() - begin
        if seconds > RECOVERY:
            fail("expected all to work again, got\n" + "\n".join(load.state() for load in waiting))
        missing = {(load.host, load.target) for load in LOADS} - set(sessions()) - again
        if seconds > 15 and missing:
            again |= missing
            for host, target in missing:
                # It fails when the session comes back by itself meanwhile.
                run("iscsiadm", "-m", "node", "-T", TARGETS[target], "-I", f"host{host}", "--login", good=None)
        look_at_empty_disks()
        time.sleep(0.5)
    print(f"    all work again after {time.monotonic() - begin:.1f} s, {len(again)} by a new login", flush=True)


def pattern(number):
    """What nobody writes, of a disk."""
    return random.Random(number).randbytes(1 << 20)


def read(disk, offset, length):
    """Reads past any cache, and all of it."""
    room = mmap.mmap(-1, length)
    file = os.open(disk, os.O_RDONLY | os.O_DIRECT)
    try:
        if os.preadv(file, [room], offset) < length:
            raise OSError("the disk ends")
    finally:
        os.close(file)
    return room


def still(disk):
    """Reads that."""
    return hashlib.sha256(read(disk, STILL, 1 << 20)).hexdigest()


def check_still():
    for load in LOADS:
        wanted = hashlib.sha256(pattern(load.host)).hexdigest()
        expect(wanted, still(disk_of(load.host, load.target)), f"what nobody has written, {load.name}")


# --- the steps ---------------------------------------------------------------

COUNT = collections.Counter()
SLOWEST = (0.0, "")


def attempt(command, reasons=None):
    """Does something, in time; says whether it was done. Without reasons it must not be refused."""
    global SLOWEST  # pylint: disable=global-statement
    begin = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            output = process.communicate(timeout=HANGS)[0]
        except subprocess.TimeoutExpired:
            where = pathlib.Path(f"/proc/{process.pid}/stack").read_text(encoding="ascii")
            process.kill()
            fail(f"{' '.join(command)}: expected an end within {HANGS} s, it was at\n{where}")
    seconds = time.monotonic() - begin
    if seconds > LIMIT and seconds > allowance():
        fail(f"{' '.join(command)}: expected an end within {LIMIT} s, it took {seconds:.1f} s")
    SLOWEST = max(SLOWEST, (seconds, " ".join(command)))
    done = process.returncode == 0
    COUNT["done" if done else "refused"] += 1
    print(f"    {seconds:5.2f} s  {' '.join(command)}" + ("" if done else f": {output.strip()}"), flush=True)
    if not done and not (reasons and re.search(reasons, output)):
        print_what_is_going_on()
        fail(f"{' '.join(command)}: expected " + (f'it done, or refused with "{reasons}"' if reasons else "it done"))
    return done


def print_what_is_going_on():
    """For who wonders what a logical unit is held by: commands, places in LUN maps, threads."""
    print(run("stmfadm", "list-task"), run("stmfadm", "stats", "-b", "nexus"), sep="\n")
    for comm in pathlib.Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            name = read_line(comm)
            if re.search("iscsit|stmf", name):
                print(f"{name}:\n{comm.with_name('stack').read_text(encoding='ascii')}", flush=True)


def allowance():
    """Seconds for a step on a machine that is as busy as this one: many times what a mere list takes."""
    begin = time.monotonic()
    run("stmfadm", "list-state")
    return 20 * (time.monotonic() - begin)


def refused(command, reason):
    if attempt(command, reason):
        fail(f"{' '.join(command)}: expected it refused with \"{reason}\"")


class Step:
    """Something that is taken away and comes back, each way a list of commands and the reasons for which they
    may be refused."""

    def __init__(self, away, back, reasons="$^"):
        self.away, self.back, self.reasons = away, back, reasons

    def go(self, commands):
        for command in commands:
            attempt(command.split(), self.reasons)


OFFLINE = "service is offline"
NO_LU = "not found|no such"


def steps_of_disk(number, guid):
    """What happens to one disk."""
    file = DIRECTORY / f"disk{number}"
    create = f"stmfadm create-lu -p guid={guid} -s {SIZE} {file}"
    add = f"stmfadm add-view {VIEWS[number]} {guid}"
    gone = f"{NO_LU}|no views found|exists|in use"
    return [
        Step([f"stmfadm offline-lu {guid}"], [f"stmfadm online-lu {guid}"], f"{OFFLINE}|{NO_LU}"),
        Step([f"stmfadm remove-view -l {guid} -a"], [add], gone),
        random.choice((Step([f"stmfadm delete-lu -k {guid}"], [create], gone),
                       Step([f"stmfadm delete-lu {guid}"], [create, add], gone))),
        Step([f"stmfadm modify-lu -s {SIZE + (32 << 20)} {guid}"], [f"stmfadm modify-lu -s {SIZE} {guid}"], NO_LU),
    ]


def steps():
    """Everything that goes and comes, and what happens once: by itself."""
    pairs = [Step(["stmfadm offline-service"], ["stmfadm online-service"])]
    for number, guid in enumerate(GUIDS, 1):
        pairs += random.sample(steps_of_disk(number, guid), 2)
    for number, target in enumerate(TARGETS):
        # A name that is its tag: one that the kernel numbers may get another when it is restored.
        group = 300 + number
        pairs += [
            Step([f"stmfadm offline-target {target}"], [f"stmfadm online-target {target}"], OFFLINE),
            Step([f"stmfadm remove-tg-member -g both {target}"], [f"stmfadm add-tg-member -g both {target}"]),
            Step([f"itadm create-tpg {group} 127.0.0.1:{3270 + number}",
                  f"itadm modify-target -t {group} {target}"],
                 [f"itadm modify-target -t default {target}", f"itadm delete-tpg {group}"]),
        ]
    for group, number in (("three", 3), ("four", 4)):
        member = f"{group} iqn.2024-01.test:host{number}"
        pairs.append(Step([f"stmfadm remove-hg-member -g {member}"], [f"stmfadm add-hg-member -g {member}"]))
    return pairs, [unload_in_use, unload_in_use, tpg_in_use, target_in_use, reload]


def unload_in_use():
    # Nothing uses a provider all of whose disks happen to be deleted.
    disks = ["stmf_sbd"] if any(lu.get("disk") for lu in listed("lu")) else []
    for module in "stmf_iscsi", *disks, "stmf":
        refused(["rmmod", module], "in use")


def tpg_in_use():
    attempt(["itadm", "create-tpg", "used", "127.0.0.1:3279"])
    attempt(["itadm", "modify-target", "-t", "used", TARGETS[0]])
    refused(["itadm", "delete-tpg", "used"], "use")
    attempt(["itadm", "delete-tpg", "-f", "used"])
    attempt(["itadm", "modify-target", "-t", "default", TARGETS[0]])


def listed(what):
    """All logical units, or targets."""
    return json.loads(run("stmfadm", f"list-{what}", "--json"))


def target_in_use():
    """A target with sessions isn't deleted without force."""
    for target in listed("target"):
        if target["state"] == "online" and target["sessions"]:
            refused(["itadm", "delete-target", target["name"]], "online or busy")


def reload():
    """All is deleted, sessions or not; the modules go, and come back with what there was."""
    saved = DIRECTORY / "now"
    attempt(["stmfadm", "backup", str(saved)])
    attempt(["itadm", "delete-target", "-f", *(target["name"] for target in listed("target"))])
    attempt(["stmfadm", "delete-lu", "-k", *(lu["guid"] for lu in listed("lu"))], NO_LU)
    for module in "stmf_iscsi", "stmf_sbd", "stmf":
        attempt(["rmmod", module])
    for module in "stmf", "stmf_sbd", "stmf_iscsi":
        attempt(["insmod", f"{os.environ['COMSTAR_MODULES']}/{module}.ko"])
    attempt(["stmfadm", "restore", str(saved)])


def one_round(more):
    """All steps, and more that happen once, in an order by chance: what is taken away is so for a while in which
    others come and go."""
    pairs, singles = steps()
    events = [(random.random(), single) for single in (*singles, *more)]
    for pair in pairs:
        when = random.random()
        events += [(when, lambda pair=pair: pair.go(pair.away)),
                   (when + random.uniform(0.02, 0.2), lambda pair=pair: pair.go(pair.back))]
    for _, event in sorted(events, key=lambda event: event[0]):
        event()
        check_loads()
        time.sleep(random.uniform(0, 0.3))


def put_back(backup):
    attempt(["stmfadm", "online-service"])
    attempt(["stmfadm", "restore", str(backup)])
    attempt(["stmfadm", "online-lu", *GUIDS])
    attempt(["stmfadm", "online-target", *TARGETS])


def configuration():
    """All that administrators have set up, and its states; not who is logged in at the moment."""
    lists = ("stmfadm list-lu", "itadm list-target", "itadm list-tpg", "stmfadm list-hg",
             "stmfadm list-tg", *(f"stmfadm list-view -l {guid}" for guid in GUIDS))
    found = {what: json.loads(run(*what.split(), "--json")) for what in lists}
    for target in found["itadm list-target"]:
        del target["sessions"]
    for views in (what for name, what in found.items() if name.startswith("stmfadm list-view")):
        for view in views:
            del view["initiators"]
    return json.dumps(found, indent=1, sort_keys=True).splitlines()


def check_configuration(before):
    changes = difflib.unified_diff(before, configuration(), "expected", "got", lineterm="")
    if changes := "\n".join(changes):
        fail(f"the configuration after a round:\n{changes}")


@contextlib.contextmanager
def eight_sessions(seed):
    """They do their work meanwhile. Gives what does a round."""
    random.seed(seed)
    backup = DIRECTORY / "backup"
    run("stmfadm", "backup", str(backup))
    before = configuration()
    for number in HOSTS:
        with open(DIRECTORY / f"disk{number}", "r+b") as file:
            file.seek(STILL)
            file.write(pattern(number))
            file.flush()
            os.fsync(file.fileno())
    for load in LOADS:
        load.start()
    recover()

    def go_round(number, more=()):
        print(f"round {number}, seed {seed}", flush=True)
        one_round(more)
        put_back(backup)
        check_configuration(before)
        recover()
        check_still()

    yield go_round
    END.set()
    for load in LOADS:
        load.join(timeout=RECOVERY)
    check_loads()
    print(f"{dict(COUNT)}, the slowest {SLOWEST[0]:.1f} s: {SLOWEST[1]}")
    print(f"{sum(load.rounds for load in LOADS)} rounds of fio, {sum(load.disturbed for load in LOADS)} disturbed")
    if not any(load.disturbed for load in LOADS):
        fail("expected the steps to disturb the I/O")
    tried(sum(COUNT.values()), "something taken away, or brought back, under the load of eight sessions")


def main():
    with eight_sessions(int(sys.argv[1])) as go_round:
        for number in range(1, int(sys.argv[2]) + 1):
            go_round(number)


if __name__ == "__main__":
    main()
