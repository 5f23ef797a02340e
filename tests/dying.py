#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of tests/guest/dying_initiators.sh: `dying.py TARGET STORMS SEED`.

In each storm fifty initiators log in at once, look at what they wrote before, write again, and
all die in the middle of it.  A block may have what was acknowledged last, or what was on its way
after that; nothing else, and once read it stays.
"""

import collections
import random
import socket
import struct
import sys
import threading
import time

from raw_session import BUSY, CHECK, GOOD, log_in_again
from steps import IS_DEBUG, expect, fail, kernel_memory, run, tried

TARGET, STORMS, SEED = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
INITIATORS = 50
NAME = "iqn.2024-01.test:dying"
PLACES = 8  # Of an initiator, each of a block of 4 KiB; one write at a time is on its way to each.
SIZE = 4096
WARM_UP = 3  # Storms until memory has the size that it keeps.
MEMORY_KIB = 16384 if IS_DEBUG else 2048  # By which it may grow all the same.
COUNT = collections.Counter()


class Initiator:
    """One of them, through all its lives."""

    def __init__(self, number):
        self.number, self.serial = number, 0
        self.session, self.abandoned = None, None
        # What each place may have.
        self.places = [{bytes(SIZE)} for _ in range(PLACES)]
        # By tag the place and the block of what is on its way.
        self.pending = {}
        self.chance = random.Random(SEED * 1000 + number)

    def where(self, place):
        return (self.number * PLACES + place) * SIZE // 512

    def log_in(self):
        self.session = log_in_again(TARGET, name=f"{NAME}{self.number}", isid=self.number)
        self.session.clear_attentions()
        if self.abandoned:
            # The same initiator port has logged in again.
            self.abandoned.socket.settimeout(10)
            try:
                while self.abandoned.socket.recv(65536):
                    pass
            except ConnectionError:
                pass
            self.abandoned.close()
            self.abandoned = None

    def look(self):
        """Each place has what it may have, and keeps that."""
        for place, allowed in enumerate(self.places):
            answer = self.session.answer(self.session.read(self.where(place)))
            while answer and answer.status == BUSY:
                # What was given up is in the device still.
                time.sleep(0.05)
                answer = self.session.answer(self.session.read(self.where(place)))
            expect(GOOD, answer and answer.status, f"status of a read of initiator {self.number}")
            if answer.data not in allowed:
                fail(f"initiator {self.number}, place {place}: expected one of "
                     f"{[stamp(block) for block in allowed]}, got {stamp(answer.data)}")
            self.places[place] = {answer.data}

    def write(self, **how):
        """Begins a write to a place that none is on its way to."""
        busy = {place for place, _ in self.pending.values()}
        place = self.chance.choice([place for place in range(PLACES) if place not in busy])
        self.serial += 1
        block = struct.pack(">II", self.number, self.serial) * (SIZE // 8)
        # From here on it may be there.
        self.places[place].add(block)
        tag = self.session.write(self.where(place), block, **how)
        self.pending[tag] = place, block
        return tag

    def work(self):
        """Writes for a while. Some is acknowledged, and some is on its way in the end."""
        end = time.monotonic() + self.chance.uniform(0.1, 0.4)
        while time.monotonic() < end:
            while len(self.pending) < PLACES // 2:
                self.write()
            self.session.take(0.01)
            self.collect()

    def collect(self):
        """What was acknowledged is there, and nothing that was before."""
        for tag, (place, block) in list(self.pending.items()):
            answer = self.session.answers[tag]
            if answer.status is None:
                continue
            if answer.status not in (GOOD, BUSY, CHECK):
                fail(f"status of a write of initiator {self.number}: got {answer.status:#x}")
            if answer.status == GOOD:
                self.places[place] = {block}
                COUNT["acknowledged"] += 1
            del self.pending[tag], self.session.answers[tag]

    # --- how they die --------------------------------------------------------

    def cut(self):
        """The connection is reset."""
        self.session.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.session.close()

    def hang_up(self):
        """The connection is closed."""
        self.session.close()

    def stop_short(self):
        """It ends in the middle of a PDU."""
        self.write(upto=self.chance.randrange(1, 48 + SIZE))
        self.cut()

    def owe(self):
        """It ends when the target has asked for data."""
        tag = self.write(data=b"")
        self.session.answers[tag].held = True
        self.session.until(lambda: self.session.answers[tag].r2t, 1)
        self.collect()
        self.cut()

    def be_replaced(self):
        """The initiator logs in again, and leaves the old connection as it is."""
        self.write(upto=self.chance.choice((None, 100)))
        self.abandoned = self.session

    def leave(self):
        """It logs out without waiting for its commands."""
        expect(0, self.session.leave(reason=0), f"response to the logout of initiator {self.number}")
        self.collect()
        self.session.close()

    def die(self):
        way = self.chance.choice((self.cut, self.hang_up, self.stop_short, self.owe, self.be_replaced, self.leave))
        COUNT[way.__doc__] += 1
        way()
        COUNT["on its way"] += len(self.pending)
        self.pending.clear()


def stamp(block):
    """What a block says who wrote it, and as which; all that is in it when that isn't one."""
    stamps = {struct.unpack(">II", block[at:at + 8]) for at in range(0, len(block), 8)}
    return sorted(stamps)


def at_once(initiators, what):
    """All do it at once."""
    failures = []

    def go(initiator):
        try:
            what(initiator)
        except (Exception, SystemExit) as failure:  # pylint: disable=broad-exception-caught
            failures.append(f"initiator {initiator.number}: {failure!r}")

    threads = [threading.Thread(target=go, args=(initiator,)) for initiator in initiators]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        fail("\n".join(failures))


def no_session_is_left():
    end = time.monotonic() + 20
    while NAME in run("itadm", "list-session", TARGET):
        if time.monotonic() > end:
            fail(f"expected no session of the dead, got {run('itadm', 'list-session', TARGET)}")
        time.sleep(0.2)


def main():
    initiators = [Initiator(number) for number in range(INITIATORS)]
    memory = 0
    for storm in range(STORMS):
        begin = time.monotonic()
        for act in Initiator.log_in, Initiator.look, Initiator.work, Initiator.die:
            at_once(initiators, act)
        print(f"    storm {storm}: {time.monotonic() - begin:.1f} s", flush=True)
        if storm == WARM_UP:
            at_once([one for one in initiators if one.abandoned], Initiator.log_in)
            at_once(initiators, lambda one: one.session.close())
            no_session_is_left()
            memory = kernel_memory()
    at_once(initiators, Initiator.log_in)
    at_once(initiators, Initiator.look)
    at_once(initiators, lambda one: one.session.logout())
    no_session_is_left()
    now = kernel_memory()
    print(f"    kernel memory: {memory} KiB, then {now} KiB; {dict(COUNT)}", flush=True)
    if now - memory > MEMORY_KIB:
        fail(f"expected at most {MEMORY_KIB} KiB more of the kernel's memory, got {now - memory}")
    for what in "acknowledged", "on its way":
        if not COUNT[what]:
            fail(f"expected writes that were {what}")
    tried(STORMS * INITIATORS, "an initiator that dies in the middle of writes, fifty at once")


if __name__ == "__main__":
    main()
