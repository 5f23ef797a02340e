#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/several_connections.sh: `several_connections.py STEP TARGET [ARGUMENT]`."""

import json
import random
import struct
import subprocess
import sys
import threading
import time

from raw_session import (ABORT_TASK, ABORT_TASK_SET, CHECK, COMPLETE, GOOD, LUN_RESET, NO_TASK,
                         NOBODY, ORDERED, REJECTED, TARGET_COLD_RESET, TARGET_WARM_RESET, UNAVAILABLE, Answer,
                         Login, Refused, Session, log_in_again)
from steps import STAGES, expect, fail, run, tried

STEP, TARGET, *MORE = sys.argv[1:]
TOO_MANY, NO_SESSION, AUTHENTICATION = 0x0206, 0x020A, 0x0201
MANY = ("MaxConnections=8",)
LONG = (f"MaxBurstLength={4 << 20}", f"FirstBurstLength={4 << 20}")
BLOCK = 512


def connections(count, isid=1):
    """A session with so many connections."""
    first = Session(TARGET, isid=isid, more=MANY)
    rest = [join(first, cid, isid=isid) for cid in range(1, count)]
    first.clear_attentions()
    return [first, *rest]


def join(session, cid, **how):
    return Session(TARGET, of=session, cid=cid, **how)


def pattern(number, blocks):
    return struct.pack(">Q", number) * (blocks * BLOCK // 8)


def listed():
    """The connections of the target's sessions: by handle, their identifiers."""
    sessions = {}
    for one in json.loads(run("itadm", "list-session", "--json", TARGET)):
        sessions.setdefault(one["tsih"], []).append(one["cid"])
    return {tsih: sorted(cids) for tsih, cids in sessions.items()}


def expect_listed(session, *cids):
    end = time.monotonic() + 20
    while listed().get(session.tsih, []) != list(cids) and time.monotonic() < end:
        time.sleep(0.05)
    expect(list(cids), listed().get(session.tsih, []), "connections in list-session")


def expect_end(session, why, seconds=5):
    """The target closes the connection by itself."""
    try:
        session.until(lambda: False, seconds)
    except ConnectionError:
        session.close()
        return
    fail(f"expected the connection to end within {seconds} s: {why}")


def expect_refusal(status, what, **how):
    try:
        Session(TARGET, **how)
    except Refused as refused:
        expect(f"{status:04x}", f"{refused.status:04x}", f"status of a login with {what}")
    else:
        fail(f"expected no login with {what}")


def expect_good(session, tag, what):
    answer = session.answer(tag)
    expect(GOOD, answer and answer.status, f"status of {what}")
    return answer


def ping(session, cmd_sn=None):
    """A NOP-Out, immediate unless it has a number, and the ExpCmdSN that its answer tells."""
    session.tag += 1
    tag = session.tag
    session.answers[tag] = Answer()
    number = session.cmd_sn if cmd_sn is None else cmd_sn
    rest = bytes(8) + struct.pack(">IIII", tag, NOBODY, number, session.exp_stat_sn) + bytes(16)
    session.exp_cmd_sn = None
    session.send(0x40 if cmd_sn is None else 0x00, 0x80, rest)
    if not session.until(lambda: session.exp_cmd_sn is not None, 5):
        fail("expected an answer to a NOP-Out")
    return session.exp_cmd_sn


def skip_number(session):
    """A number that is taken and not sent yet."""
    session.cmd_sn += 1
    return session.cmd_sn - 1


# --- work is spread and in order ---------------------------------------------


def stripes():
    """Writes and reads go by all connections, which send theirs when it pleases them."""
    chance = random.Random(7)
    for count in (1, 2, 4, 8):
        links = connections(count, isid=count)
        expect_listed(links[0], *range(count))
        for turn in range(6):
            sizes = [chance.choice((1, 8, 64, 600)) for _ in range(60)]
            places = [sum(sizes[:n]) for n in range(len(sizes))]
            for writes in (True, False):
                plans = [[] for _ in links]
                for number, (lba, blocks) in enumerate(zip(places, sizes)):
                    plan = (skip_number(links[0]), lba, blocks, pattern(turn * 1000 + number, blocks))
                    chance.choice(plans).append(plan)
                started = []
                # Each sends in the order of the numbers, all of it before another sends anything, or
                # a few at a time.
                few = chance.choice((1, 5, 60))
                while any(plans):
                    at = chance.choice([at for at, plan in enumerate(plans) if plan])
                    for cmd_sn, lba, blocks, data in plans[at][:few]:
                        if writes:
                            now = data[:chance.choice((0, BLOCK, 65536))]
                            tag = start_write(links[at], lba, data, now, cmd_sn)
                        else:
                            tag = links[at].read(lba, blocks, cmd_sn=cmd_sn)
                        started.append((links[at], tag, data))
                    del plans[at][:few]
                gather(started, writes)
        expect(0, links[0].leave(reason=0), "response to a logout of the session")
        for link in links:
            link.close()


def start_write(link, lba, data, now, cmd_sn):
    """A write that sends `now` at once, and waits to be asked for the rest."""
    cdb = struct.pack(">BBIBHB", 0x2A, 0, lba, 0, len(data) // BLOCK, 0)
    return link.start(cdb, write=data, data=now, cmd_sn=cmd_sn)


def hold_write(link, data):
    """A write whose data is not sent."""
    tag = start_write(link, 0, data, b"", skip_number(link))
    link.answers[tag].held = True
    return tag


def expect_asked(link, tag):
    """The target has received a write: what it hasn't when its connection goes leaves a gap."""
    expect(True, link.until(lambda: link.answers[tag].r2t, 10), "that the data of a write is asked for")


def gather(started, writes):
    """Takes the answers as they come, by whichever connection."""
    end = time.monotonic() + 30
    while left := [(link, tag) for link, tag, _ in started if link.answers[tag].status is None]:
        if time.monotonic() > end:
            fail(f"expected answers to all commands, {len(left)} are left")
        for link in {link for link, _ in left}:
            link.take(0.02)
    for link, tag, data in started:
        answer = link.answers[tag]
        expect(GOOD, answer.status, f"status of a {'write' if writes else 'read'} ({answer.code})")
        if not writes and answer.data != data:
            fail("expected to read what was written by another connection")


def order():
    """ORDERED writes to one block end with what the last number wrote, whatever comes first."""
    chance = random.Random(3)
    links = connections(4)
    for turn in range(40):
        plans = [[] for _ in links]
        for number in range(24):
            chance.choice(plans).append((skip_number(links[0]), pattern(turn * 100 + number, 8)))
        chance.shuffle(plans)
        order_of_links = chance.sample(links, len(links))
        started = []
        for link, plan in zip(order_of_links, plans):
            for cmd_sn, data in plan:
                started.append((link, link.write(0, data, attr=ORDERED, cmd_sn=cmd_sn), data))
        gather(started, True)
        expect(pattern(turn * 100 + 23, 8), links[0].do(struct.pack(">BBIBHB", 0x28, 0, 0, 0, 8, 0),
                                                       read=4096).data, "content of the block")
    links[0].logout()


def gaps():
    """A gap is filled from another connection, by a command, a ping, or an abort."""
    one, two = connections(2)
    for fill in ("command", "ping", "abort"):
        missing = skip_number(one)
        waits = two.read(0)
        if two.answer(waits, 0.3):
            fail("expected no answer to a command with a gap before it")
        expect(missing, ping(two), "ExpCmdSN at a gap")
        if fill == "command":
            expect_good(one, one.start(bytes(6), cmd_sn=missing), "the command that fills a gap")
        elif fill == "ping":
            ping(one, missing)
        else:
            expect(COMPLETE, one.manage(ABORT_TASK, tag=4711, ref_cmd_sn=missing),
                   "abort of a command that has not come")
        expect_good(two, waits, f"the command behind a gap filled by a {fill}")
        # Should it come all the same, it is ignored.
        late = one.start(bytes(6), cmd_sn=missing)
        if one.answer(late, 0.3):
            fail("expected no answer to a command whose number is used up")
    # What waits is aborted from elsewhere.
    missing = skip_number(one)
    number = one.cmd_sn
    waits = two.write(0, pattern(1, 8))
    expect(COMPLETE, one.manage(ABORT_TASK, tag=waits, ref_cmd_sn=number), "abort of one that waits")
    expect_good(one, one.write(0, pattern(2, 8), cmd_sn=missing), "the write before the aborted one")
    answer = expect_good(one, one.read(0), "a read behind the aborted one")
    expect(pattern(2, 8), answer.data, "content, which the aborted write has not changed")
    if two.answer(waits, 0.3):
        fail("expected no answer to the aborted write")
    # A function for a whole task set waits for the commands before it.
    missing = skip_number(one)
    asked = two.start_function(ABORT_TASK_SET)
    if two.until(lambda: asked in two.functions, 0.3):
        fail("expected a function to wait for the commands before it")
    one.start(bytes(6), cmd_sn=missing)
    take_all((one, two), lambda: asked in two.functions, "the function behind a gap")
    expect(COMPLETE, two.functions[asked], "response of the function behind a gap")
    one.logout()


def take_all(links, condition, what, seconds=5):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            fail(f"expected {what} within {seconds} s")
        for link in links:
            link.take(0.02)


def stranded():
    """A Data-Out arrives while the gap before its command is filled, or the command aborted."""
    one, two = connections(2)
    for end in ("filled", "aborted"):
        missing, number = skip_number(one), skip_number(one)
        data = pattern(8, 8)
        tag = start_unsolicited(two, data, number)
        two.send_unsolicited(tag, upto=1000)
        if end == "aborted":
            expect(COMPLETE, one.manage(ABORT_TASK, tag=tag, ref_cmd_sn=number), "abort of one that waits")
        expect_good(one, one.start(bytes(6), cmd_sn=missing), "the command that fills the gap")
        if end == "filled":
            wait_for_stage("data-out")
        else:
            # Its connection drops it when it is told of the gap's end.
            time.sleep(1)
        two.socket.sendall(two.unsent)
        if end == "filled":
            expect_good(two, tag, "a write whose data came while the gap was filled")
        else:
            expect(None, two.answer(tag, 0.3), "answer to an aborted write")
        # The same tag again: what came for the one before is not for this one.
        two.tag, data = tag - 1, pattern(9, 8)
        expect(tag, start_unsolicited(two, data, skip_number(one)), "the tag of the next write")
        two.send_unsolicited(tag)
        expect_good(two, tag, "the next write with that tag")
        expect(data, expect_good(one, one.read(0), "a read").data, "content")
    one.logout()


def start_unsolicited(link, data, cmd_sn):
    """A write whose data is sent without being asked for."""
    cdb = struct.pack(">BBIBHB", 0x2A, 0, 0, 0, len(data) // BLOCK, 0)
    return link.start(cdb, write=data, data=b"", cmd_sn=cmd_sn, final=False)


def wait_for_stage(stage):
    end = time.monotonic() + 20
    while stage not in run("stmfadm", "list-task").split():
        if time.monotonic() > end:
            fail(f"expected a task in {stage}")
        time.sleep(0.05)


def unfilled():
    """A gap that nobody fills ends the session, not only who waits behind it."""
    one, two = connections(2)
    skip_number(one)
    began = time.monotonic()
    two.read(0)
    expect_end(two, "an unfilled gap", 25)
    took = time.monotonic() - began
    if not 18 < took < 24:
        fail(f"expected the session to end after 20 s, it was {took:.1f} s")
    expect_end(one, "an unfilled gap of another connection")
    expect_listed(one)


def flood():
    """More than can be kept behind a gap is not read, and nothing of it is lost."""
    one, two = connections(2)
    missing = skip_number(one)
    tags, blocks = [], 128
    sender = threading.Thread(target=lambda: tags.extend(
        two.write(n * blocks, pattern(n, blocks)) for n in range(60)))
    sender.start()
    sender.join(2)
    if two.answers and two.take(0.3):
        fail("expected nothing to be answered before the gap is filled")
    expect_good(one, one.start(bytes(6), cmd_sn=missing), "the command that fills the gap")
    sender.join(10)
    if sender.is_alive():
        fail("expected the target to go on reading when the gap is filled")
    started = [(two, tag, b"") for tag in tags]
    gather(started, True)
    for n in range(60):
        answer = one.do(struct.pack(">BBIBHB", 0x28, 0, n * blocks, 0, blocks, 0), read=blocks * BLOCK)
        expect(pattern(n, blocks), answer.data, f"content of the write {n} behind the gap")
    one.logout()


def own_gap():
    """A connection with a lot behind a request that was damaged is read on: that one comes again by it."""
    one = Session(TARGET, more=MANY)
    two = Session(TARGET, of=one, cid=1, more=("DataDigest=CRC32C",))
    one.clear_attentions()
    data, tags = pattern(11, 8), []
    damaged = [(two.write(0, data, damage=(1,)), two.cmd_sn - 1)]
    tags += [two.read(8, 8) for _ in range(40)]
    damaged.append((two.write(16, data, damage=(1,)), two.cmd_sn - 1))
    tags += [two.read(8, 8) for _ in range(40)]
    if not two.until(lambda: len(two.rejects) == 2, 5):
        fail(f"expected two requests to be rejected, got {two.rejects}")
    for lba, (_, number) in zip((0, 16), damaged):
        tags.append(two.write(lba, data, cmd_sn=number))
    for tag in tags:
        expect_good(two, tag, "a command with many behind a damaged one")
    for lba in (0, 16):
        expect(data, expect_good(one, one.read(lba), "a read").data, "content")
    one.logout()


def left_alone():
    """A connection with a lot behind a gap is read on when it is the only one: what was lost comes again by it."""
    one, two = connections(2)
    for other in (two, None):
        missing = skip_number(one)
        tags = [one.read(0) for _ in range(70)]
        # Until no more of them is read.
        time.sleep(0.5)
        if other:
            other.close()
        began = time.monotonic()
        tags.append(one.start(bytes(6), cmd_sn=missing))
        for tag in tags:
            expect_good(one, tag, "a command of the only connection that is left")
        if time.monotonic() - began > 10:
            fail("expected answers to all commands within 10 s")
    one.logout()


def large():
    """A command may bring more than is kept of several, and waits like the others."""
    set_lengths(4 << 20)
    one = Session(TARGET, more=LONG)
    set_lengths("default")
    one.clear_attentions()
    for now in (4 << 20, 1 << 20):
        missing = skip_number(one)
        data = pattern(now, 8192)
        number = skip_number(one)
        cdb = struct.pack(">BBIBHB", 0x2A, 0, 0, 0, 8192, 0)
        tag = one.start(cdb, write=data, data=data[:now], cmd_sn=number, final=now == len(data))
        if now < len(data):
            one.send_unsolicited(tag, start=now)
        waits = one.read(0, 8)
        expect_good(one, one.start(bytes(6), cmd_sn=missing), "the command that fills the gap")
        expect_good(one, tag, "a write of 4 MiB behind a gap")
        expect_good(one, waits, "a read behind it")
        answer = expect_good(one, one.read(0, 8192), "a read")
        expect(True, answer.data == data, "whether what was written is read")
    one.logout()


def long():
    """A PDU that is more than is kept of several is read to its end, whoever fills the gap before it, and when."""
    set_lengths(4 << 20)
    one = Session(TARGET, more=(*MANY, *LONG))
    two = join(one, 1)
    set_lengths("default")
    one.clear_attentions()
    for upto in (100000, None):
        missing = skip_number(one)
        data = pattern(upto or 0, 2048)
        tag = two.write(0, data, upto=upto)
        if two.answer(tag, 0.3):
            fail("expected no answer to a write with a gap before it")
        expect_good(one, one.start(bytes(6), cmd_sn=missing), "the command that fills the gap")
        two.socket.sendall(two.unsent)
        expect_good(two, tag, "a write of 1 MiB behind a gap")
        answer = expect_good(one, one.read(0, 2048), "a read")
        expect(True, answer.data == data, "whether what was written is read")
    one.logout()


def set_lengths(value):
    """What the target agrees to in logins from now on."""
    run("itadm", "modify-target", *(f"--limit={limit}={value}" for limit in
        ("MaxBurstLength", "FirstBurstLength", "MaxRecvDataSegmentLength")), TARGET)


# --- connections come and go ---------------------------------------------------


def cut():
    """A connection breaks in the middle of a write: its tasks end, the others go on."""
    one, two = connections(2)
    expect_good(one, one.write(0, pattern(5, 64)), "a write")
    hold_write(two, pattern(6, 64))
    lost = skip_number(two)
    if not two.take(20):
        fail("expected an R2T")
    two.close()
    expect_listed(one, 0)
    rows = run("stmfadm", "list-task").splitlines()
    expect([], [row for row in rows if set(STAGES) & set(row.split())], "tasks of the lost connection")
    # What the lost connection has not brought another one does.
    waits = one.read(0, 64)
    if one.answer(waits, 0.3):
        fail("expected a command to wait for what the lost connection should have brought")
    ping(one, lost)
    expect(pattern(5, 64), expect_good(one, waits, "a read").data, "content, not half written")
    three = join(one, 1)
    expect_good(three, three.start(bytes(6)), "a command by the connection's successor")
    expect_listed(one, 0, 1)
    one.close()
    expect_listed(one, 1)
    expect_good(three, three.start(bytes(6)), "a command when the first connection is gone")
    three.close()
    expect_listed(one)


def connection_reinstatement():
    """A connection's place is taken by another, and its tasks end without a word."""
    one, two = connections(2)
    expect_good(one, one.write(0, pattern(1, 64)), "a write")
    held = hold_write(two, pattern(2, 64))
    expect_asked(two, held)
    new = join(one, 1)
    expect_end(two, "another has taken its place")
    expect_listed(one, 0, 1)
    # Its tag is free, and its task gone.
    new.tag = held - 1
    expect(pattern(1, 64), expect_good(new, new.read(0, 64), "a read").data, "content")
    expect_good(one, one.start(bytes(6)), "a command by the other connection")
    # The only connection of a session, too; also by who has said that there will be one alone.
    new.logout()
    single = Session(TARGET, isid=9)
    single.clear_attentions()
    successor = Session(TARGET, isid=9, of=single)
    expect_end(single, "another has taken the place of the only connection")
    expect([], successor.clear_attentions(), "unit attentions: the nexus is the same")
    successor.logout()


class Load(threading.Thread):
    """Writes and reads back by one connection, whose successor goes on where it was cut off."""

    lock = threading.Lock()

    def __init__(self, link, number):
        super().__init__(daemon=True)
        self.link, self.number, self.done, self.error, self.stop = link, number, 0, None, False
        self.sent = None

    def run(self):
        try:
            while not self.stop:
                lba, data = self.number * 2048 + self.done % 16 * 64, pattern(self.done + self.number, 64)
                if not self.command(lba, data):
                    return
                read = self.command(lba, None)
                if not read:
                    return
                expect(data, read.data, "content under load")
                self.done += 1
        except SystemExit as error:
            self.error = str(error)

    def command(self, lba, data):
        try:
            with self.lock:
                number = self.sent = skip_number(self.link)
                tag = (self.link.read(lba, 64, cmd_sn=number) if data is None
                       else start_write(self.link, lba, data, data[:BLOCK], number))
            return expect_good(self.link, tag, "a command under load")
        except (ConnectionError, OSError):
            return None


def load():
    """Connections are replaced, over and over, while the others work."""
    links = connections(4)
    loads = [Load(link, number) for number, link in enumerate(links)]
    for one in loads:
        one.start()
    begin = time.monotonic()
    turn = 0
    # A slow machine has a minute more for the work of the connection that stays.
    while time.monotonic() - begin < (8 if loads[0].done >= 20 else 68):
        time.sleep(0.2)
        turn += 1
        at = 1 + turn % 3
        old = loads[at]
        with Load.lock:
            new = log_in_again(TARGET, of=links[0], cid=at)
        old.join(10)
        if old.is_alive() or old.error:
            fail(f"expected the replaced connection to end: {old.error}")
        with Load.lock:
            # The number of the last command, should it not have come.
            new.send(0x00, 0x80, bytes(8) + struct.pack(">IIII", new.tag + 1, NOBODY, old.sent,
                                                       new.exp_stat_sn) + bytes(16))
            new.tag += 1
        loads[at] = Load(new, at)
        loads[at].start()
    for one in loads:
        one.stop = True
    for one in loads:
        one.join(10)
        if one.is_alive() or one.error:
            fail(f"expected the load to go on: {one.error}")
    if loads[0].done < 20:
        fail(f"expected the connection that stays to get work done, it did {loads[0].done} rounds")
    print(f"    {turn} replacements, {loads[0].done} rounds by the connection that stays")
    tried(turn, "a connection of a session with several replaced under load")
    expect_listed(links[0], 0, 1, 2, 3)
    links[0].logout()


def session_reinstatement():
    """A login of the same initiator port without a handle ends all connections of the old session."""
    links = connections(3)
    hold_write(links[1], pattern(2, 64))
    skip_number(links[0])
    links[2].read(0)
    new = Session(TARGET, more=MANY)
    for link in links:
        expect_end(link, "the session was reinstated")
    if new.tsih == links[0].tsih:
        fail("expected another session handle")
    expect_listed(new, 0)
    expect([(0x29, 0)], new.clear_attentions()[:1], "what the new session is told")
    expect_refusal(NO_SESSION, "the handle of the old session", of=links[0], cid=7)
    new.logout()


def logouts():
    """A connection is logged out by itself, or by another; the session goes on."""
    one, two, three = connections(3)
    expect(1, one.leave(cid=77), "response to the logout of a connection that isn't there")
    expect(2, one.leave(reason=2, cid=1), "response to a removal for recovery")
    held = hold_write(two, pattern(9, 8))
    expect_asked(two, held)
    expect(0, one.leave(cid=1), "response to the logout of another connection")
    expect_end(two, "another connection has logged it out")
    expect_listed(one, 0, 2)
    expect(1, one.leave(cid=1), "response to the logout of a connection that is gone")
    expect(0, three.leave(cid=2), "response to its own logout")
    expect_end(three, "it has logged out")
    expect_good(one, one.start(bytes(6)), "a command by the connection that stays")
    four = join(one, 2)
    expect(0, four.leave(reason=0), "response to the logout of the session")
    expect_end(four, "the session was logged out")
    expect_end(one, "the session was logged out by another connection")
    expect_listed(one)


def notices():
    """Logout is asked for on each connection; a change of LUNs is told on one."""
    guid = MORE[0]
    one, two = connections(2)
    run("stmfadm", "add-view", "-n", "9", guid)
    two.until(lambda: False, 1)
    one.until(lambda: one.notices, 1)
    expect((1, 0), (len(one.notices), len(two.notices)), "news of a view by connection")
    one.close()
    expect_listed(two, 1)
    run("stmfadm", "remove-view", "-l", guid, "-a")
    if not two.until(lambda: two.notices, 20):
        fail("expected another connection to be told when the first one is gone")
    one = join(two, 0)
    two.notices.clear()
    away = subprocess.Popen(["stmfadm", "offline-target", TARGET])
    take_all((one, two), lambda: one.notices and two.notices, "requests to log out")
    expect((1, 1), (one.notices[0][0], two.notices[0][0]), "what is asked on each connection")
    expect(0, two.leave(cid=1), "response to the logout of one connection")
    expect(0, one.leave(reason=0), "response to the logout of the other")
    one.close()
    two.close()
    expect(0, away.wait(20), "exit status of offline-target when its initiator has left")
    expect({}, listed(), "sessions of a target that is offline")
    run("stmfadm", "online-target", TARGET)


# --- tasks of other connections ------------------------------------------------


def functions():
    """Task management reaches the tasks of all connections, and its answers come last."""
    one, two = connections(2)
    expect_good(one, one.write(0, pattern(1, 64)), "a write")
    number = two.cmd_sn
    held = hold_write(two, pattern(2, 64))
    if not two.take(20):
        fail("expected an R2T")
    asked = one.start_function(ABORT_TASK, tag=held, ref_cmd_sn=number)
    take_all((one, two), lambda: asked in one.functions, "the response to an abort")
    expect(COMPLETE, one.functions[asked], "abort of a task of another connection")
    expect(None, two.answers[held].status, "status of the aborted write")
    asked = one.start_function(ABORT_TASK, tag=held, ref_cmd_sn=number)
    take_all((one, two), lambda: asked in one.functions, "the response to an abort")
    expect(NO_TASK, one.functions[asked], "abort of a task that is gone")
    # The other connection is behind: the response waits until it has told that it isn't.
    for function in (LUN_RESET, ABORT_TASK_SET):
        reads = [two.read(0, 64) for _ in range(4)]
        time.sleep(1)
        asked = one.start_function(function)
        if one.until(lambda: asked in one.functions, 0.5):
            fail("expected the response after the answers on the other connection")
        take_all((one, two), lambda: asked in one.functions, "the response to a function")
        expect(COMPLETE, one.functions[asked], "response to a function")
        for tag in reads:
            expect_good(two, tag, "a read that was finished before the function")
        two.clear_attentions()
    # Nobody waits for a connection that is gone.
    asked = one.start_function(ABORT_TASK_SET)
    two.close()
    if not one.until(lambda: asked in one.functions, 20):
        fail("expected a response when the other connection is gone")
    # Data for a command of another connection isn't taken.
    two = join(one, 1)
    number = one.cmd_sn
    start_write(one, 0, pattern(3, 8), b"", skip_number(one))
    one.socket.settimeout(5)
    r2t, _ = one.receive_pdu()
    expect(0x31, r2t[0] & 0x3F, "an R2T")
    two.answers[int.from_bytes(r2t[16:20], "big")] = stray = Answer()
    stray.out = pattern(4, 8)
    two.send_data(int.from_bytes(r2t[16:20], "big"), r2t)
    ping(two)
    one.send_data(int.from_bytes(r2t[16:20], "big"), r2t)
    expect_good(one, int.from_bytes(r2t[16:20], "big"), "a write whose data another sent, too")
    expect(pattern(3, 8), one.do(struct.pack(">BBIBHB", 0x28, 0, 0, 0, 8, 0), read=4096).data, "content")
    # A reset of the target doesn't wait for what is missing.
    skip_number(one)
    late = two.read(0)
    asked = one.start_function(TARGET_COLD_RESET)
    try:
        take_all((one, two), lambda: asked in one.functions, "the response to a cold reset")
    except ConnectionError:
        one.until(lambda: asked in one.functions, 20)
    expect(COMPLETE, one.functions.get(asked), "response to a cold reset")
    expect(None, two.answers[late].status, "status of a command behind the gap")
    for link in (one, two):
        expect_end(link, "a cold reset")


def mute():
    """A function doesn't wait for ever for a connection that says a lot, but not what is waited for."""
    run("itadm", "modify-target", "--limit", "NopInInterval=2", TARGET)
    # From here on no tool is run: who says nothing for four seconds is gone.
    one, two = connections(2)
    two.answers_pings = False
    begin = time.monotonic()
    asked = [one.start_function(LUN_RESET) for _ in range(2)]
    try:
        while not one.until(lambda: any(tag in one.functions for tag in asked), 0.1):
            if time.monotonic() - begin > 10:
                fail("expected the end of the connection that doesn't answer, and a response")
            ping(two)
        expect_end(two, "it has not answered", 1)
    except OSError:
        two.close()
    if time.monotonic() - begin < 2:
        fail("expected the other connection to have two seconds to answer")
    if not one.until(lambda: all(tag in one.functions for tag in asked), 20):
        fail(f"expected both responses, got {one.functions}")
    expect([COMPLETE] * 2, [one.functions[tag] for tag in asked], "responses to two functions")
    one.close()
    run("itadm", "modify-target", "--limit", "NopInInterval=default", TARGET)


def many_functions():
    """As many functions wait for another connection as there may be at a time, and no more."""
    one, two = connections(2)
    asked = [one.start_function(ABORT_TASK, tag=4711) for _ in range(16)]
    if one.until(lambda: one.functions, 1):
        fail(f"expected functions to wait for the other connection, got {one.functions}")
    expect(REJECTED, one.manage(ABORT_TASK, tag=4711, seconds=5), "response to one more")
    take_all((one, two), lambda: len(one.functions) == 17, "responses to all functions")
    expect([NO_TASK] * 16, [one.functions[tag] for tag in asked], "responses to those that waited")
    asked = one.start_function(ABORT_TASK, tag=4711)
    take_all((one, two), lambda: asked in one.functions, "a response when the others have passed")
    expect(NO_TASK, one.functions[asked], "response when the others have passed")
    # One that is rejected has not given up what is missing.
    missing = skip_number(one)
    waits = two.read(0)
    asked = [one.start_function(ABORT_TASK, tag=4711, ref_cmd_sn=missing - 1) for _ in range(16)]
    # Then all are done, and wait for the other connection.
    time.sleep(3)
    expect(REJECTED, one.manage(TARGET_WARM_RESET, seconds=5), "response to a reset of the target, one too many")
    expect(missing, ping(one), "ExpCmdSN when a reset was rejected")
    expect_good(one, one.start(bytes(6), cmd_sn=missing), "the command that fills the gap")
    expect_good(two, waits, "the command behind the gap")
    take_all((one, two), lambda: all(tag in one.functions for tag in asked), "responses to all functions")
    one.logout()


def unread():
    """A connection that isn't read behind a gap isn't ended for an answer that it has sent."""
    run("itadm", "modify-target", "--limit", "NopInInterval=2", TARGET)
    # From here on no tool is run: who says nothing for four seconds is gone.
    one, two = connections(2)
    missing = skip_number(one)
    tags = [two.read(0) for _ in range(70)]
    time.sleep(1.5)
    asked = one.start_function(ABORT_TASK, tag=4711, ref_cmd_sn=missing - 1)
    take_all((one, two), lambda: asked in one.functions, "a response to the function", 8)
    expect(REJECTED, one.functions[asked], "response to a function that has waited long enough")
    expect_good(one, one.start(bytes(6), cmd_sn=missing), "the command that fills the gap")
    for tag in tags:
        expect_good(two, tag, "a read behind the gap")
    asked = one.start_function(ABORT_TASK, tag=4711)
    take_all((one, two), lambda: asked in one.functions, "a response when all is read")
    expect(NO_TASK, one.functions[asked], "response when all is read")
    one.logout()
    run("itadm", "modify-target", "--limit", "NopInInterval=default", TARGET)


# --- who may not ----------------------------------------------------------------


def strangers():
    """Who may not join a session, or once too often."""
    one, two = connections(2)
    tsih = one.tsih
    expect_refusal(NO_SESSION, "a wrong handle", tsih=tsih % 65535 + 1, cid=5)
    expect_refusal(NO_SESSION, "another ISID", tsih=tsih, isid=4711, cid=5)
    expect_refusal(NO_SESSION, "another initiator's name", tsih=tsih, name="iqn.2024-01.test:evil", cid=5)
    run("itadm", "modify-target", "-t", "other", TARGET)
    expect_refusal(NO_SESSION, "another portal group", tsih=tsih, cid=5, address=("127.0.0.1", 3261))
    run("itadm", "modify-target", "-t", "default", TARGET)
    expect_refusal(0x0200, "a key of the session", tsih=tsih, cid=5, more=("MaxBurstLength=4096",))
    more = [join(one, cid) for cid in range(2, 8)]
    expect_listed(one, *range(8))
    expect_refusal(TOO_MANY, "a ninth connection", tsih=tsih, cid=8)
    more[-1].close()
    expect_listed(one, *range(7))
    more[-1] = join(one, 65535)
    # The same identifier twice at once, and nearly so.
    left = join_twice(one, 5, apart=0)
    expect_end(more[3], "its place was taken")
    for apart in range(1, 15):
        left += join_twice(one, 5, apart / 1000)
    expect_listed(one, 0, 1, 2, 3, 4, 5, 6, 65535)
    expect_good(one, one.start(bytes(6)), "a command by who was there before")
    expect_good(two, two.start(bytes(6)), "a command by the second connection")
    one.logout()


def join_twice(one, cid, apart):
    """Two logins with one identifier, so many seconds apart: one of them is left, whatever was there before. Returns
    those that were served.

    Who is complete first has to go. If it is told to while it waits for the one before it to end, it is refused.
    """
    started = threading.Barrier(2)
    ends = [None, None]

    def login(at):
        started.wait()
        time.sleep(at * apart)
        try:
            ends[at] = join(one, cid)
        except Refused as refused:
            ends[at] = refused

    threads = [threading.Thread(target=login, args=(at,)) for at in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    refused = [end.status for end in ends if isinstance(end, Refused)]
    if None in ends or refused not in ([], [UNAVAILABLE]):
        fail(f"expected one of two with one identifier to be served, and the other, too, or refused for now: {ends}")
    links = [end for end in ends if isinstance(end, Session)]
    alive = 0
    for link in links:
        try:
            alive += link.do(bytes(6)).status in (GOOD, CHECK)
        except ConnectionError:
            # Its number has not come; another connection brings it.
            ping(one, one.cmd_sn - 1)
    expect(1, alive, "connections that are left of two with one identifier")
    return links


def alone():
    """Without an administrator's word a session has one connection."""
    one = Session(TARGET, more=MANY)
    expect_refusal(TOO_MANY, "a second connection", of=one, cid=1)
    expect([], one.clear_attentions()[1:], "more than one unit attention")
    one.logout()


def chap():
    """Each connection has to prove who it is, and before that learns nothing of the session."""
    one = Session(TARGET, more=MANY)
    one.clear_attentions()
    run("itadm", "modify-target", "-a", "chap", TARGET)
    expect_refusal(AUTHENTICATION, "no proof", of=one, cid=1)
    stranger = Login(TARGET, of=one, cid=1)
    stranger.cmd_sn = 4711
    for keys in ({"AuthMethod": "CHAP"}, {"CHAP_A": "5"}):
        one.do(bytes(6))
        expect(0, stranger.step(**keys)[0], "status of a login that has proved nothing yet")
        expect((4711 - 128, 4710), (stranger.exp_cmd_sn, stranger.max_cmd_sn), "what it is told of the window")
    stranger.close()
    run("itadm", "modify-target", "-a", "none", TARGET)
    # Who is believed is told how far the session has got.
    friend = Login(TARGET, of=one, cid=1)
    expect(0, friend.step(AuthMethod="None")[0], "status of a login that needs no proof")
    expect((one.exp_cmd_sn, one.max_cmd_sn), (friend.exp_cmd_sn, friend.max_cmd_sn), "what it is told of the window")
    friend.close()
    two = join(one, 1)
    two.clear_attentions()
    two.logout()


globals()[STEP]()
