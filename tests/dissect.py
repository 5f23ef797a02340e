#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What Wireshark's dissector makes of iSCSI: `dissect.py CAPTURE...`.

Prints `NAME: PDU, PDU` for each capture: the kinds of PDUs that it has, by Wireshark's names; and all that
is wrong with it as `NAME: fault in frame N: ...`: bytes that are not taken for iSCSI, malformed packets,
errors, digests that are wrong, text that isn't key=value. The captures must not have a connection in common.

`dissect.py --damage WHAT OPCODE CAPTURE COPY` damages the last PDU of that opcode (hexadecimal) in a copy:
its `opcode`, its `length`, its `text`, or by its last byte its data `digest`. (The dissector finds out by the
first PDUs whether there are digests.)
"""

import pathlib
import re
import struct
import subprocess
import sys
import tempfile

PORTS = "3260-3263"
# Packets with bytes that were not there before: the capture has lost none.
PAYLOAD = "tcp.len > 0 and not tcp.analysis.retransmission and not tcp.analysis.spurious_retransmission"
# What tells of a fault wherever it stands.
FAULTS = ("Expert Info (Error", "Malformed", "Bad CRC", "ncorrect, should be", "Invalid opcode", "Invalid key")
# Part of a PDU that another frame has the end of.
PART = "[Reassembled PDU in frame:"
# INQUIRY data that the initiator has wanted four bytes of: the dissector looks for more.
SHORT = re.compile(r"DataSegmentLength: 4 .*^SCSI Payload \(Inquiry Response Data\)", re.M | re.S)
PCAP_HEADER, RECORD_HEADER = 24, 16


# --- judging -------------------------------------------------------------------


def dissect(captures):
    """Yields the index of the capture, the number and the text of each frame."""
    with tempfile.NamedTemporaryFile(suffix=".pcapng") as merged:
        # Each capture keeps an interface of its own.
        subprocess.run(["mergecap", "-I", "none", "-w", merged.name, *captures], check=True)
        command = ["tshark", "-2", "-r", merged.name, "-O", "frame,tcp,iscsi,scsi", "-Y", PAYLOAD]
        command += ["-o", f"iscsi.target_ports:{PORTS}"]
        done = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, errors="replace",
                              stderr=subprocess.DEVNULL)
    for frame in ("\n" + done.stdout).split("\nFrame ")[1:]:
        start = re.match(r"(\d+): .* on interface \S+, id (\d+)", frame)
        yield int(start[2]), int(start[1]), frame


def kinds(frame):
    """The kinds of PDUs in a frame."""
    return re.findall(r"^iSCSI \((.*)\)$", frame, flags=re.M)


def faults(frame):
    """What is wrong in a frame."""
    if any(fault in frame for fault in FAULTS):
        for line in map(str.strip, frame.splitlines()):
            known = line == "[Malformed Packet: SCSI]" and SHORT.search(frame)
            if any(fault in line for fault in FAULTS) and not known:
                yield line
    for text in re.findall(r"^ *KeyValue: ([^=\n]*)$", frame, flags=re.M):
        yield f"expected key=value: {text}"
    if not kinds(frame) and PART not in frame:
        about = re.findall(r"^Transmission Control Protocol, (.*)$|(Expert Info.*)$", frame, flags=re.M)
        yield f"not iSCSI: {'; '.join(map(''.join, about))}"


def judge(captures):
    """Prints what there is and what is wrong."""
    seen = [{} for _ in captures]
    names = [pathlib.Path(capture).name for capture in captures]
    for index, number, frame in dissect(captures):
        seen[index].update(dict.fromkeys(kinds(frame)))
        for fault in faults(frame):
            print(f"{names[index]}: fault in frame {number}: {fault}")
    for name, pdus in zip(names, seen):
        print(f"{name}: {', '.join(sorted(pdus))}")


# --- damaging ------------------------------------------------------------------


def payload_of(packet):
    """Where the bytes of TCP begin and end in an Ethernet frame of IPv4."""
    ip = 14
    tcp = ip + (packet[ip] & 15) * 4
    return tcp + (packet[tcp + 12] >> 4) * 4, ip + int.from_bytes(packet[ip + 2:ip + 4], "big")


def spoil(pdu, what):
    """Damages the bytes of a PDU in their place."""
    if what == "opcode":
        pdu[0] = pdu[0] & 0x40 | 0x17
    elif what == "length":
        pdu[5:8] = (int.from_bytes(pdu[5:8], "big") + 4096).to_bytes(3, "big")
    elif what == "text":
        pdu[pdu.index(b"=", 48)] = ord(" ")
    elif what == "digest":
        pdu[-1] ^= 1
    return pdu


def damage(what, opcode, capture, copy):
    """Copies a capture with one fault."""
    data = bytearray(pathlib.Path(capture).read_bytes())
    at, found = PCAP_HEADER, None
    while at < len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        at += RECORD_HEADER
        begin, end = (at + offset for offset in payload_of(data[at:at + length]))
        if end - begin >= 48 and data[begin] & 0x3F == opcode:
            found = slice(begin, end)
        at += length
    if not found:
        sys.exit(f"{capture} has no PDU of opcode {opcode:#x}")
    data[found] = spoil(data[found], what)
    pathlib.Path(copy).write_bytes(data)


if __name__ == "__main__":
    if sys.argv[1] == "--damage":
        damage(sys.argv[2], int(sys.argv[3], 16), *sys.argv[4:])
    else:
        judge(sys.argv[1:])
