#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/allocation_failures.sh: `allocation_failures.py modules|rest STRIDE SEED`.

Each thing is done again and again, with the 1st, 2nd, 3rd... allocation failing
that it asks for, until none is left that can fail.  What is refused has to leave
everything as it was; what isn't has to be there whole.  STRIDE tries only every
so-many-th, from a random one.  SWEEPS in the environment, a regular expression,
leaves only the sweeps whose names begin like that.
"""

import collections
import concurrent.futures
import contextlib
import ctypes
import errno
import fcntl
import itertools
import os
import pathlib
import random
import re
import socket
import struct
import sys
import time

sys.path.append(f"{os.environ['COMSTAR_KERNEL_SOURCE']}/tools/net/ynl/pyynl")

# pylint: disable=wrong-import-position
from fail_nth import Countdown, Mark, Nth, allow, keep_pages, mark, new_thread, one_in, threads
from raw_session import (ABORT_TASK, ABORT_TASK_SET, BUSY, CHECK, CLEAR_TASK_SET, COMPLETE, FULL, GOOD, LUN_RESET,
                         NEXUS_RESET, NOBODY, QUERY_ASYNC_EVENT, QUERY_TASK, QUERY_TASK_SET, TARGET_WARM_RESET, Session)
from steps import expect, fail, run, tried
from third_party import RECEIVE_DATA, copy_results, cscd, extended_copy, naa, parameter_list, segment
from lib import NlError, YnlFamily

STRIDE = int(sys.argv[2])
SWEEPS = os.environ.get("SWEEPS", "")
MODULES = pathlib.Path(os.environ["COMSTAR_MODULES"])
SPECS = pathlib.Path(os.environ["COMSTAR_TOP"]) / "Documentation/netlink/specs"
TARGET = "iqn.2026-11.test:allocations"
CONNECTION, ACCEPTING = "iscsit/conn", "iscsit/accept"
INIT_MODULE, DELETE_MODULE = 175, 176  # x86_64
SG_IO = 0x2285
# The last two are a socket's: when there is no file for it, and when there is no memory to bind it.
NO_MEMORY = (errno.ENOMEM, errno.ENOBUFS, errno.EAGAIN, errno.ENFILE, errno.EADDRINUSE)

# Odd: after each allocation kmemleak makes one of its own, and both kinds shall fail.
ONE_IN = (11, 101, 1001)
SECONDS_AT_RANDOM = 15
LOCAL_SESSIONS = 1  # The local bus's.
FAILED = []  # How many, by sweep.
STMF = None  # The family, once its module is there.
libc = ctypes.CDLL(None, use_errno=True)


def sweep(what, attempt, stride=None):
    """Has one allocation after the other fail, until none does. `attempt(n)` makes the n-th one
    fail and says whether there was one, and whether the thing was refused."""
    if not re.match(SWEEPS, what):
        return
    stride = stride or STRIDE
    number, failed, refused = 1, 0, 0
    while True:
        has_failed, was_refused = attempt(number)
        if not has_failed:
            if was_refused:
                fail(f"{what}: refused although no allocation failed")
            break
        failed += 1
        refused += was_refused
        number += stride if number > 1 else random.randrange(stride) + 1
    print(f"    {what}: {failed} allocations failed, {refused} times it was refused", flush=True)
    FAILED.append(failed)
    if not failed:
        fail(f"{what}: expected allocations to fail")


# --- modules -----------------------------------------------------------------


def system_call(number, *arguments):
    if libc.syscall(number, *arguments) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def load_module(name):
    """Loads a module with the n-th allocation failing, and removes it if that went well."""
    image = (MODULES / f"{name}.ko").read_bytes()
    room = ctypes.create_string_buffer(image, len(image))
    countdown = Countdown()

    def attempt(number):
        refused = False
        countdown.start(number)
        try:
            system_call(INIT_MODULE, room, ctypes.c_ulong(len(image)), b"")
        except OSError as error:
            refused = True
            failed = countdown.stop()
            if error.errno not in NO_MEMORY:
                fail(f"{name}: expected ENOMEM, got {error} at allocation {number}")
        else:
            failed = countdown.stop()
        loaded = os.path.isdir(f"/sys/module/{name}")
        expect(not refused, loaded, f"whether {name} is loaded, allocation {number}")
        if loaded:
            system_call(DELETE_MODULE, name.encode(), os.O_NONBLOCK)
        return failed, refused

    return attempt


def load_at_random(name, number):
    """Loads a module with one allocation in so many failing; says whether that went well."""
    image = (MODULES / f"{name}.ko").read_bytes()
    room = ctypes.create_string_buffer(image, len(image))
    with one_in(number), Mark():
        status = libc.syscall(INIT_MODULE, room, ctypes.c_ulong(len(image)), b"")
    loaded = os.path.isdir(f"/sys/module/{name}")
    expect(status == 0, loaded, f"whether {name} is loaded")
    if loaded:
        system_call(DELETE_MODULE, name.encode(), os.O_NONBLOCK)
    return loaded


def spend_warning():
    """Has kmemleak say once, as it does, that it has no memory for itself. It holds a lock meanwhile of which
    lockdep knows that a console takes it, so it is said while the console is silent."""
    level = pathlib.Path("/proc/sys/kernel/printk")
    before = level.read_text(encoding="ascii")
    level.write_text("1", encoding="ascii")
    countdown = Countdown()
    # The loader takes a copy of this, in virtual memory, before it sees that it is no module.
    for number in range(1, 20):
        countdown.start(number)
        libc.syscall(INIT_MODULE, bytes(1 << 16), ctypes.c_ulong(1 << 16), b"")
        countdown.stop()
    level.write_text(before, encoding="ascii")
    if "Cannot allocate a scan area" not in run("dmesg"):
        fail("expected kmemleak to have said that it has no memory")


def modules():
    """Loads each module; those that it needs are loaded then."""
    # What the module loader allocates a page at a time, for the image, is not ours.
    allow(min_order=1)
    spend_warning()
    # The unit tests, which would run at each load, are `kunit`'s.
    pathlib.Path("/sys/module/kunit/parameters/filter_glob").write_text("none", encoding="ascii")
    for name in ("stmf", "stmf_sbd", "stmf_iscsi", "stmf_loopback"):
        sweep(f"load {name}", load_module(name), STRIDE * 8 - 7)
        for number in ONE_IN if not SWEEPS else ():
            loaded = sum(load_at_random(name, number) for _ in range(3))
            print(f"    load {name}, one in {number}: {loaded} of 3 times it was loaded", flush=True)
        run("insmod", str(MODULES / f"{name}.ko"))


# --- requests ----------------------------------------------------------------


NONE = contextlib.nullcontext()


class Failing:
    """A netlink socket in whose system calls allocations can fail: the kernel carries out requests where they
    are sent, and goes on with lists where they are received."""

    OPTIONS = (10, 11, 12)  # NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK

    def __init__(self):
        self.failing = NONE
        self.room = bytearray(1 << 17)
        self.open()

    def open(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        for option in self.OPTIONS:
            self.socket.setsockopt(270, option, 1)

    def send(self, *arguments):
        with self.failing:
            return self.socket.send(*arguments)

    def recvmsg(self, _, ancillary, flags):
        with self.failing:
            count, *rest = self.socket.recvmsg_into([self.room], ancillary, flags)
        return bytes(self.room[:count]), *rest


class Family:
    """A netlink family."""

    def __init__(self, name):
        self.ynl = YnlFamily(str(SPECS / f"{name}.yaml"), schema=False)
        self.ynl.sock.close()
        self.ynl.sock = self.socket = Failing()

    def ask(self, how, name, values, failing=NONE):
        """Asks; gives the error number or 0, and the answer."""
        self.socket.failing = failing
        try:
            answer, error = getattr(self.ynl, how)(name, values), 0
        except NlError as refusal:
            answer, error = None, -refusal.nl_msg.error
        except OSError as lost:
            answer, error = None, lost.errno
        self.socket.failing = NONE
        if error:
            # The socket may still be busy with a list that can't go on, or have the rest of one.
            self.socket.socket.close()
            self.socket.open()
        return error, answer

    def ask_failing(self, how, name, values, number):
        """Asks with the n-th allocation failing; gives also, first, whether there was one."""
        failing = Nth(number)
        error, answer = self.ask(how, name, values, failing)
        failing.close()
        return failing.left == 0, error, answer


class Requests:
    """What is asked of the families."""

    LISTS = (("stmf", "lu-get"), ("stmf", "view-get"), ("stmf", "target-get"), ("stmf", "session-get"),
             ("stmf", "access-get"), ("stmf_sbd", "lu-get"), ("stmf_iscsi", "target-get"), ("stmf_iscsi", "tpg-get"),
             ("stmf_iscsi", "initiator-get"), ("stmf_iscsi", "portal-get"), ("stmf_loopback", "target-get"))
    ALONE = (("stmf", "state-get"), ("stmf_iscsi", "defaults-get"))

    def __init__(self):
        self.families = {name: Family(name) for name in ("stmf", "stmf_sbd", "stmf_iscsi", "stmf_loopback")}

    def do(self, family, command, values):
        """What has to be done."""
        error, _ = self.families[family].ask("do", command, values)
        expect(0, error, f"errno of {command}")

    def all(self):
        """All that there is."""
        lists = [self.families[family].ask("dump", name, {}) for family, name in self.LISTS]
        groups = [self.families["stmf"].ask("dump", "group-get", {"kind": kind}) for kind in ("host", "target")]
        members = [self.families["stmf"].ask("dump", "group-member-get", GROUP)]
        return lists + groups + members + [self.families[family].ask("do", name, {}) for family, name in self.ALONE]

    def change(self, family, make, unmake):
        """Does and undoes something. Each is a command and its values, or a function of the first's
        answer that gives them."""
        family = self.families[family]
        before = self.all()

        def take_back(answer):
            command, values = unmake(answer) if callable(unmake) else unmake
            error, _ = family.ask("do", command, values)
            expect(0, error, f"errno of {command}")
            expect(before, self.all(), f"what there is after {command}")

        def attempt(number):
            failed, error, answer = family.ask_failing("do", *make, number)
            if error == 0:
                take_back(answer)
                return failed, False
            if error not in NO_MEMORY:
                fail(f"{make[0]}: expected ENOMEM, got {os.strerror(error)} at allocation {number}")
            after = self.all()
            if after != before:
                # The kernel had done it, and netlink then could not say so.
                if error != errno.ENOBUFS:
                    fail(f"{make[0]}: half made at allocation {number}: {before} became {after}")
                take_back(None)
            return failed, True

        sweep(make[0], attempt)

    def listing(self, family, name, values):
        """A list is whole, or there is none."""
        family = self.families[family]
        _, wanted = family.ask("dump", name, values)

        def attempt(number):
            failed, error, answer = family.ask_failing("dump", name, values, number)
            if error == 0:
                expect(lasting(wanted), lasting(answer), f"{name} at allocation {number}")
            return failed, error != 0

        sweep(name, attempt)


def lasting(rows):
    """A list without what is different each time."""
    return [{what: value for what, value in row.items() if what != "age-ms"} for row in rows]


SECOND = bytes.fromhex("600144F0000000000000000000000001")
NAMED = {"name": "iqn.2026-11.test:second"}
HOST = {"name": "iqn.2026-11.test:host"}
GROUP, MEMBER = {"kind": "host", "group": "g"}, {"kind": "host", "group": "g", "name": HOST["name"]}
NOP_IN_INTERVAL = 1 << 10  # In the attribute `unset`.
PORTAL = {"address": "::ffff:127.0.0.1", "port": 3261}


def requests(every, work, device):
    """Objects are made, changed, listed and removed."""
    disk = f"{work}/second"
    with open(disk, "wb") as file:
        file.truncate(1 << 20)
    making(every, disk, device)
    made = (("stmf_sbd", "lu-create", {"file": disk, "guid": SECOND, "alias": "one"}),
            ("stmf_iscsi", "target-create", NAMED | {"alias": "one"}),
            ("stmf_iscsi", "initiator-create", HOST | {"chap-user": "one"}),
            ("stmf", "group-add", {"kind": "host", "name": "g"}),
            ("stmf", "group-add", {"kind": "target", "name": "t"}))
    for family, command, values in made:
        every.do(family, command, values)
    changing(every)
    listing(every)
    gone = (("stmf_sbd", "lu-delete", {"guid": SECOND}), ("stmf_iscsi", "target-delete", NAMED | {"force": True}),
            ("stmf_iscsi", "initiator-delete", HOST), ("stmf", "group-remove", {"kind": "host", "name": "g"}),
            ("stmf", "group-remove", {"kind": "target", "name": "t"}))
    for family, command, values in gone:
        every.do(family, command, values)


def making(every, disk, device):
    """One of each is made, and removed."""
    lu, head = {"file": disk, "guid": SECOND}, {"file": device, "guid": SECOND, "meta-head": True, "force": True}
    every.change("stmf_sbd", ("lu-create", lu), ("lu-delete", {"guid": SECOND}))
    every.change("stmf_sbd", ("lu-create", head), ("lu-delete", {"guid": SECOND}))
    every.change("stmf_iscsi", ("target-create", NAMED), ("target-delete", NAMED | {"force": True}))
    bus = {"name": "naa.3000000000000001"}
    every.change("stmf_loopback", ("target-create", bus), ("target-delete", bus | {"force": True}))
    for kind in "host", "target":
        group = {"kind": kind, "name": "g"}
        every.change("stmf", ("group-add", group), ("group-remove", group))
    every.change("stmf_iscsi", ("initiator-create", HOST), ("initiator-delete", HOST))
    every.change("stmf_iscsi", ("portal-add", PORTAL), ("portal-remove", PORTAL))
    portals = {"name": "p", "portals": "127.0.0.1:3262,127.0.0.1:3263"}
    every.change("stmf_iscsi", ("tpg-create", portals), ("tpg-delete", {"name": "p"}))


def changing(every):
    """Each is changed, and changed back."""
    state = {"guid": SECOND, "state": "offline"}
    access = {"group": "t", "state": "standby", "number": 7}
    changes = (
        ("stmf", ("view-add", {"guid": SECOND, "lun": 7}), ("view-remove", {"guid": SECOND, "id": 0})),
        ("stmf", ("group-member-add", MEMBER), ("group-member-remove", MEMBER)),
        ("stmf", ("access-set", access), ("access-clear", {"group": "t"})),
        ("stmf", ("lu-set-state", state), ("lu-set-state", state | {"state": "online"})),
        ("stmf", ("target-set-state", NAMED | {"state": "offline"}), ("target-set-state", NAMED | {"state": "online"})),
        ("stmf", ("service-set", {"default-lu-state": "offline"}), ("service-set", {"default-lu-state": "online"})),
        ("stmf_sbd", ("lu-modify", {"guid": SECOND, "alias": "two"}), ("lu-modify", {"guid": SECOND, "alias": "one"})),
        ("stmf_sbd", ("lu-modify", {"guid": SECOND, "size": 2 << 20}),
         ("lu-modify", {"guid": SECOND, "size": 1 << 20})),
        ("stmf_iscsi", ("target-modify", NAMED | {"alias": "two"}), ("target-modify", NAMED | {"alias": "one"})),
        ("stmf_iscsi", ("initiator-modify", HOST | {"chap-user": "two"}),
         ("initiator-modify", HOST | {"chap-user": "one"})),
        ("stmf_iscsi", ("defaults-modify", {"nop-in-interval": 20}), ("defaults-modify", {"unset": NOP_IN_INTERVAL})),
    )
    for family, make, unmake in changes:
        every.change(family, make, unmake)


def listing(every):
    """Each list, while a session has a command that waits for its data."""
    every.do("stmf_iscsi", "target-modify", {"name": TARGET, "nop-in-interval": 3600})
    every.do("stmf", "group-member-add", MEMBER)
    session = Session(TARGET, isid=3)
    session.clear_attentions()
    session.owe(0, 4096)
    for family, command in every.LISTS:
        every.listing(family, command, {})
    every.listing("stmf", "task-get", {})
    every.listing("stmf", "group-member-get", GROUP)
    every.listing("stmf_iscsi", "session-get", {})
    for scope in "lu", "target", "nexus":
        every.listing("stmf", "statistics-get", {"scope": scope})
    expect(True, session.logout(), "an answer to the logout")
    every.do("stmf_iscsi", "target-modify", {"name": TARGET, "unset": NOP_IN_INTERVAL})


# --- sessions ----------------------------------------------------------------


class Failed(Exception):
    """The connection was closed, or the login refused."""


class Victim(Session):
    """A session whose thread in the target fails an allocation, from the login on."""

    def __init__(self, number=0, name="iqn.2024-01.test:victim", isid=7, marked=False):
        self.number, self.marked = number, marked
        self.known = threads(CONNECTION)
        self.countdown = None
        super().__init__(TARGET, name=name, isid=isid)

    def send(self, opcode, flags, rest, data=b"", damage=(), upto=None):
        if opcode == 0x43 and (self.number or self.marked):
            thread = new_thread(CONNECTION, self.known)
            if thread is None:
                raise ConnectionError("nobody has taken the connection")
            if self.marked:
                mark(thread)
            else:
                self.countdown = Countdown(thread)
                self.countdown.start(self.number)
        super().send(opcode, flags, rest, data, damage, upto)


def sessions():
    """How many sessions there are."""
    error, answer = STMF.ask("dump", "session-get", {})
    expect(0, error, "errno of session-get")
    return len(answer) - LOCAL_SESSIONS


def wait_for_sessions(count):
    end = time.monotonic() + 20
    while sessions() != count:
        if time.monotonic() > end:
            fail(f"expected {count} sessions, got {sessions()}")
        time.sleep(0.05)


def attempt_login(number):
    """A login with the n-th allocation failing, and a first command."""
    victim = None
    refused = False
    countdown = None
    try:
        victim = Victim(number)
        countdown = victim.countdown
        victim.do(bytes(6))
    except (RuntimeError, OSError):
        refused = True
    failed = True if countdown is None else countdown.stop()
    if victim:
        victim.close()
    wait_for_sessions(0)
    return failed, refused


def attempt_connection(number):
    """A connection that is accepted with the n-th allocation failing, and what follows."""
    countdowns = [Countdown(thread) for thread in threads(ACCEPTING)]
    for countdown in countdowns:
        countdown.start(number)
    refused, session = False, None
    try:
        session = Session(TARGET, name="iqn.2024-01.test:victim", isid=7)
        session.do(bytes(6))
    except (RuntimeError, OSError):
        refused = True
    failed = any([countdown.stop() for countdown in countdowns])  # pylint: disable=use-a-generator
    for countdown in countdowns:
        countdown.close()
    if session:
        session.close()
    wait_for_sessions(0)
    return failed, refused


def contents(number):
    """Some block."""
    return random.Random(number).randbytes(8 * 512)


class Medium:
    """What each 8 blocks have: one of these, the last one that was written or one that failed."""

    def __init__(self, lun):
        self.lun = lun
        self.may_be = {}
        self.number = 0

    def write(self, session, lba):
        self.number += 1
        new = contents(self.number)
        answer = session.answer(session.write(lba, new, lun=self.lun))
        self.took(lba, new, answer and answer.status)
        return answer

    def took(self, lba, new, status):
        if status == GOOD:
            self.may_be[lba] = [new]
        else:
            self.may_be.setdefault(lba, [bytes(len(new))]).append(new)

    def read(self, session, lba):
        answer = session.answer(session.read(lba, lun=self.lun))
        if answer and answer.status == GOOD and answer.data not in self.may_be.get(lba, [bytes(4096)]):
            fail(f"blocks at {lba}: expected what was written")
        return answer


COMMANDS = {
    "INQUIRY": ("120000006000", 96),
    "device identification": ("120183006000", 96),
    "MODE SENSE": ("1a083f00c000", 192),
    "REPORT LUNS": ("a00000000000000001000000", 256),
    "READ CAPACITY": ("9e100000000000000000000000200000", 32),
    "PERSISTENT RESERVE IN": ("5e000000000000010000", 256),
    "SYNCHRONIZE CACHE": ("35000000000000000000", 0),
    "WRITE SAME": ("93000000000000000100000000080000", None),
    "UNMAP": ("42000000000000001800", None),
    "COMPARE AND WRITE": ("89000000000000000200000000010000", None),
}


def data_out(name):
    """What goes with a command."""
    return {
        "WRITE SAME": bytes(512),
        "UNMAP": struct.pack(">HHIQII", 22, 16, 0, 0x300, 8, 0),
        "COMPARE AND WRITE": bytes(512) + bytes(512),
    }.get(name, b"")


def in_session(work):
    """Makes `work(session)` fail allocation by allocation, in sessions that are logged in."""

    state = {"session": None}

    def attempt(number):
        if state["session"] is None:
            victim = Victim(1 << 30)
            victim.clear_attentions()
            state["session"] = victim
        victim = state["session"]
        victim.countdown.start(number)
        try:
            answer = work(victim)
            if answer is None:
                fail("expected an answer")
            refused = answer.status != GOOD
            if refused and answer.status not in (BUSY, FULL, CHECK):
                fail(f"expected BUSY, TASK SET FULL or CHECK CONDITION, got status {answer.status:02x}")
        except OSError:
            # The connection is gone, and with it the session.
            refused = True
            state["session"] = None
        failed = victim.countdown.stop()
        if state["session"] is None:
            victim.close()
            wait_for_sessions(0)
        elif not failed:
            victim.logout()
            state["session"] = None
        return failed, refused

    return attempt


def commands():
    """Commands, with allocations of the connection's thread failing."""
    medium = Medium(0)
    sweep("WRITE", in_session(lambda session: medium.write(session, 64)))
    sweep("READ", in_session(lambda session: medium.read(session, 64)))
    for name, (cdb, length) in COMMANDS.items():
        data = data_out(name)
        sweep(name, in_session(lambda session, cdb=bytes.fromhex(cdb), length=length, data=data:
                               session.do(cdb, read=length or 0, write=data)))
    for name, function in FUNCTIONS.items():
        sweep(name, in_session(lambda session, function=function: manage(session, function)))
    plain = Victim()
    plain.clear_attentions()
    expect(GOOD, medium.read(plain, 64).status, "status of a READ when nothing fails any more")
    expect(True, plain.logout(), "an answer to the logout")


def attentions(every):
    """A unit attention is told, whichever command there is no memory for."""
    _, (disk,) = every.families["stmf_sbd"].ask("dump", "lu-get", {})
    sizes = itertools.cycle((24 << 20, disk["size"]))

    def tell(session):
        every.do("stmf_sbd", "lu-modify", {"guid": disk["guid"], "size": next(sizes)})
        answers = [session.do(bytes(6)) for _ in range(3)]
        expect([(6, 0x2A, 9)], [answer.code for answer in answers if answer.status == CHECK], "what is told")
        return next((answer for answer in answers if answer.status == BUSY), answers[-1])

    sweep("a unit attention", in_session(tell))


def held_data(every):
    """What a copy holds is given when there is memory for it."""
    _, (disk,) = every.families["stmf_sbd"].ask("dump", "lu-get", {})
    parameters = parameter_list([cscd(naa(disk["guid"]))], [segment(0, 0, 1, 8, 16, kind=0x0D)])

    def receive(session):
        while session.do(extended_copy(len(parameters)), write=parameters).status != GOOD:
            pass
        answers = [session.do(copy_results(RECEIVE_DATA, 1), read=8192) for _ in range(2)]
        held = answers[answers[0].status == BUSY]
        expect((GOOD, 4 + 512), (held.status, len(held.data)), "RECEIVE DATA, when there is memory")
        return answers[0]

    sweep("RECEIVE DATA", in_session(receive))


FUNCTIONS = {
    "ABORT TASK": ABORT_TASK,
    "ABORT TASK SET": ABORT_TASK_SET,
    "CLEAR TASK SET": CLEAR_TASK_SET,
    "LOGICAL UNIT RESET": LUN_RESET,
    "TARGET WARM RESET": TARGET_WARM_RESET,
    "QUERY TASK": QUERY_TASK,
    "QUERY TASK SET": QUERY_TASK_SET,
    "QUERY ASYNCHRONOUS EVENT": QUERY_ASYNC_EVENT,
    "I_T NEXUS RESET": NEXUS_RESET,
}


def manage(session, function):
    """A function while a command waits for its data: it must be answered; then a command."""
    owing = session.owe(0x500, 4096)
    response = session.manage(function, owing)
    if response is None:
        raise ConnectionError("no answer to the function")
    if session.answers[owing].status is None and function in (QUERY_TASK, QUERY_TASK_SET, QUERY_ASYNC_EVENT):
        expect(COMPLETE, session.manage(ABORT_TASK, owing), "response to ABORT TASK of what a query has left")
    session.clear_attentions()
    return session.do(bytes(6))


def local_bus(device):
    """Reads and writes of the local bus, in whose context the target works."""
    file = os.open(device, os.O_RDWR)
    countdown = Countdown()
    block = ctypes.create_string_buffer(4096)

    def command(cdb, direction):
        def attempt(number):
            cdb_room = ctypes.create_string_buffer(cdb, len(cdb))
            sense = ctypes.create_string_buffer(32)
            head = struct.pack("@iiBBHIPPPIIiP", ord("S"), direction, len(cdb), 32, 0, 4096,
                               ctypes.addressof(block), ctypes.addressof(cdb_room),
                               ctypes.addressof(sense), 30000, 0, 0, 0)
            head = bytearray(head.ljust(88, b"\0"))
            countdown.start(number)
            try:
                fcntl.ioctl(file, SG_IO, head)
                refused = head[64] != 0 or struct.unpack_from("=HH", head, 68) != (0, 0)
            except OSError as error:
                refused = True
                if error.errno not in (errno.ENOMEM, errno.EAGAIN, errno.EIO, errno.EBUSY):
                    fail(f"SG_IO: expected ENOMEM, got {error} at allocation {number}")
            return countdown.stop(), refused

        return attempt

    # Each takes a unit attention: of a new nexus, of the resets of others.
    ready = command(bytes(6), -1)
    if all(ready(0)[1] for _ in range(16)):
        fail("expected the disk of the local bus to be ready")
    sweep("READ on the local bus", command(bytes.fromhex("28000000004000000800"), -3))
    sweep("WRITE on the local bus", command(bytes.fromhex("2a000000004000000800"), -2))
    sweep("INQUIRY on the local bus", command(bytes.fromhex("120000006000"), -3))
    os.close(file)


# --- at random ---------------------------------------------------------------


def at_random(number, every, work, first):
    """Everything at once, with one allocation in so many failing; from that block on."""
    medium = Medium(0)
    count = collections.Counter()
    # Where few fail it takes longer until one of a request has.
    end = time.monotonic() + SECONDS_AT_RANDOM * (3 if number > 1000 else 1)
    with one_in(number), concurrent.futures.ThreadPoolExecutor() as pool:
        beside = pool.submit(objects, every, f"{work}/third", end, count)
        while time.monotonic() < end:
            one_session(medium, first, count)
        beside.result()
    print(f"    one in {number}: {dict(sorted(count.items()))}", flush=True)
    wait_for_sessions(0)
    plain = Victim()
    plain.clear_attentions()
    for lba in list(medium.may_be):
        expect(GOOD, medium.read(plain, lba).status, "status of a READ when nothing fails any more")
    expect(True, plain.logout(), "an answer to the logout")
    if not count["good"] and number > 100:
        fail("expected some commands to go well")
    if not count["requests refused"] or (number > 100 and not count["requests done"]):
        fail("expected some requests to be refused, and some to be done")


def one_session(medium, first, count):
    """A session, with some commands and functions."""
    session = None
    try:
        session = Victim(marked=True)
        session.clear_attentions()
        for _ in range(10):
            lba = first + random.randrange(32) * 8
            do = random.choice((medium.write, medium.write, medium.read))
            answer = do(session, lba)
            if answer is None:
                fail("expected an answer within 20 s")
            if answer.status not in (GOOD, BUSY, FULL, CHECK):
                fail(f"expected BUSY, TASK SET FULL or CHECK CONDITION, got {answer.status:02x}")
            count["good" if answer.status == GOOD else "refused"] += 1
        session.manage(random.choice((ABORT_TASK, LUN_RESET)), tag=session.tag)
        session.logout()
    except (OSError, RuntimeError):
        count["closed"] += 1
    finally:
        if session:
            session.close()


def objects(every, file, end, count):
    """Makes a disk, a view and a target, lists and removes them, beside the sessions; their requests fail at random."""
    guid = bytes.fromhex("600144F0000000000000000000000003")
    failing = Mark()
    stmf, sbd, iscsi = (every.families[name] for name in ("stmf", "stmf_sbd", "stmf_iscsi"))
    steps = ((sbd, "do", "lu-create", {"file": file, "guid": guid}),
             (stmf, "do", "view-add", {"guid": guid, "lun": 3}),
             (iscsi, "do", "target-create", NAMED),
             (stmf, "dump", "lu-get", {}), (stmf, "dump", "session-get", {}), (iscsi, "dump", "session-get", {}),
             (iscsi, "do", "target-delete", NAMED | {"force": True}),
             (stmf, "do", "view-remove", {"guid": guid, "id": 0}), (sbd, "do", "lu-delete", {"guid": guid}))
    while time.monotonic() < end:
        for family, how, name, values in steps:
            error, _ = family.ask(how, name, values, failing)
            if error not in (0, *NO_MEMORY):
                fail(f"{name}: expected ENOMEM, got {os.strerror(error)}")
            count["requests refused" if error else "requests done"] += 1
            if error:
                break
        # What is left of a round that was broken off, or whose answer was lost.
        iscsi.ask("do", "target-delete", NAMED | {"force": True})
        stmf.ask("do", "view-remove", {"guid": guid, "id": 0})
        sbd.ask("do", "lu-delete", {"guid": guid})
        for family, name in (stmf, "view-get"), (sbd, "lu-get"):
            error, left = family.ask("dump", name, {})
            expect(0, error, f"errno of {name}")
            expect([], [one for one in left if bytes.fromhex(one["guid"]) == guid], f"{name} after a round")
        error, left = iscsi.ask("dump", "target-get", {})
        expect((0, 1), (error, len(left)), "errno and number of targets after a round")


def rest():
    global STMF  # pylint: disable=global-statement
    work, generic, device = sys.argv[4:7]
    every = Requests()
    STMF = every.families["stmf"]
    allow()
    requests(every, work, device)
    sweep("a connection", attempt_connection)
    sweep("login", attempt_login)
    commands()
    attentions(every)
    held_data(every)
    local_bus(generic)
    for number, first in zip(ONE_IN, (4096, 8192, 12288)) if not SWEEPS else ():
        at_random(number, Requests(), work, first)


if __name__ == "__main__":
    random.seed(int(sys.argv[3]))
    keep_pages()
    {"modules": modules, "rest": rest}[sys.argv[1]]()
    where = {"modules": "while a module is loaded", "rest": "in a request, a login, a command or a reset"}
    tried(sum(FAILED), f"an allocation that fails {where[sys.argv[1]]}")
