#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The kinds of packets of a capture (pcap, Ethernet): `packets.py FILE`.

One a line: `tcp 3260`, `udp 51820` with the port of iSCSI in TCP or of WireGuard in UDP if it is one of both,
else the lower, or the number of another protocol of IPv4; ARP and IPv6, which look for neighbours, are left out.
"""

import struct
import sys

ARP, IPV4, IPV6 = 0x0806, 0x0800, 0x86DD
NAMES = {6: "tcp", 17: "udp"}
SERVICES = {6: 3260, 17: 51820}


def packets(capture):
    """The bytes of each packet."""
    capture.read(24)
    while header := capture.read(16):
        yield capture.read(struct.unpack_from("<I", header, 8)[0])


def kind(packet):
    """What a packet is."""
    (ether,) = struct.unpack_from(">H", packet, 12)
    if ether != IPV4:
        return None if ether in (ARP, IPV6) else f"ethertype {ether:#x}"
    protocol, start = packet[14 + 9], 14 + (packet[14] & 15) * 4
    if protocol not in NAMES:
        return str(protocol)
    ports = struct.unpack_from(">HH", packet, start)
    port = SERVICES[protocol] if SERVICES[protocol] in ports else min(ports)
    return f"{NAMES[protocol]} {port}"


with open(sys.argv[1], "rb") as file:
    print("\n".join(sorted(filter(None, {kind(packet) for packet in packets(file)}))))
