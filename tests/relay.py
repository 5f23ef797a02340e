#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Relays TCP connections on 127.0.0.1 from one port to another: `relay.py FROM TO`."""

import asyncio
import sys


async def pump(reader, writer):
    """Copies one direction until it ends."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def main(source, destination):
    """Accepts connections for ever."""

    async def relay(reader, writer):
        try:
            there = await asyncio.open_connection("127.0.0.1", destination)
        except ConnectionError:
            writer.close()
            return
        await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))

    server = await asyncio.start_server(relay, "127.0.0.1", source)
    await server.serve_forever()


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
