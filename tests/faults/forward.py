"""Passes TCP connections on: python forward.py LISTEN_HOST PORT TARGET_HOST PORT. For hosts that reach nobody's loopback."""

import asyncio
import sys
from contextlib import suppress


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
    target.close()


async def main(host: str, port: str, there: str, there_port: str) -> None:
    async def serve(near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        try:
            far, forth = await asyncio.open_connection(there, int(there_port))
        except OSError:
            back.close()
            return
        await asyncio.gather(_copy(near, forth), _copy(far, back))

    server = await asyncio.start_server(serve, host, int(port))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
