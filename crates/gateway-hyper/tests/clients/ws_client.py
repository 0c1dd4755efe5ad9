"""The client of `websockets` against a server whose routes are those of websockets.rs.

ws_client.py URL CASE [--ca FILE]
"""

import argparse
import asyncio
import os
import ssl

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

TEXTS = ["", "hello", "äöü € 😀", "long " * 200_000]
EXTENSIONS = "sec-websocket-extensions"


async def comes_back(socket, *messages):
    for message in messages:
        await socket.send(message)
        back = await socket.recv()
        assert type(back) is type(message), type(back)
        assert back == message, f"{len(back)} instead of {len(message)}"


async def text(open_socket):
    async with open_socket("/echo") as socket:
        await comes_back(socket, *TEXTS)


async def binary(open_socket):
    async with open_socket("/echo") as socket:
        await comes_back(socket, b"", bytes(range(256)), os.urandom(1 << 20))


async def fragments(open_socket):
    """A message in pieces, one within a character, comes as one."""
    async with open_socket("/echo") as socket:
        await socket.send(["", "äö", "ü ", "", "€", ""])
        assert await socket.recv() == "äöü €"
        await socket.send([bytes([n]) * n for n in range(200)])
        assert await socket.recv() == b"".join(bytes([n]) * n for n in range(200))


async def plain(open_socket):
    async with open_socket("/echo", compression=None) as socket:
        assert EXTENSIONS not in socket.response.headers, socket.response.headers
        await comes_back(socket, *TEXTS, os.urandom(1 << 20))


async def deflate(open_socket):
    """The same message again and again: each refers to those before it."""
    async with open_socket("/echo", compression="deflate") as socket:
        assert socket.response.headers[EXTENSIONS].startswith("permessage-deflate"), socket.response.headers
        await comes_back(socket, *TEXTS, *[TEXTS[2] * 100] * 50, os.urandom(1 << 20), b"\0" * (1 << 20))


async def deflate_without_context(open_socket):
    offer = ClientPerMessageDeflateFactory(
        server_no_context_takeover=True, client_no_context_takeover=True, client_max_window_bits=10
    )
    async with open_socket("/echo", extensions=[offer], compression=None) as socket:
        assert "server_no_context_takeover" in socket.response.headers[EXTENSIONS], socket.response.headers
        await comes_back(socket, *TEXTS, *[TEXTS[2] * 100] * 50)


async def ping(open_socket):
    """Pings are answered while the application waits, and between the fragments of a message."""
    async with open_socket("/echo") as socket:
        for payload in [b"", b"one", b"p" * 125]:
            await (await socket.ping(payload))

        async def fragments():
            yield "before "
            await (await socket.ping(b"between"))
            yield "after"

        await socket.send(fragments())
        assert await socket.recv() == "before after"


async def subprotocol(open_socket):
    async with open_socket("/chat", subprotocols=["chat.v9", "chat.v2", "chat.v1"]) as socket:
        assert socket.subprotocol == "chat.v2", socket.subprotocol
        await comes_back(socket, "hello")


async def no_subprotocol(open_socket):
    for offered in [None, ["chat.v9"]]:
        async with open_socket("/chat", subprotocols=offered) as socket:
            assert socket.subprotocol is None, socket.subprotocol
            assert "sec-websocket-protocol" not in socket.response.headers, socket.response.headers


async def accept_fields(open_socket):
    async with open_socket("/chat") as socket:
        assert socket.response.headers["x-served-by"] == "these tests", socket.response.headers


async def closed_with(open_socket, path, code, reason):
    async with open_socket(path) as socket:
        try:
            await socket.send("go on")
            message = await socket.recv()
        except ConnectionClosed as closed:
            assert (closed.rcvd.code, closed.rcvd.reason) == (code, reason), closed
        else:
            raise AssertionError(message)


async def server_closes(open_socket):
    await closed_with(open_socket, "/closes", 4001, "that is enough €")


async def application_returns(open_socket):
    await closed_with(open_socket, "/ends", 1000, "")


async def application_fails(open_socket):
    await closed_with(open_socket, "/fails", 1011, "")


async def client_closes(open_socket):
    """The code comes back; what the application is told, the Rust side looks at."""
    async with open_socket("/echo") as socket:
        await comes_back(socket, "hello")
        await socket.close(4002, "bye")
        assert socket.protocol.close_rcvd.code == 4002, socket.protocol.close_rcvd


async def refused_with(open_socket, path):
    try:
        async with open_socket(path):
            raise AssertionError("it was accepted")
    except InvalidStatus as refused:
        return refused.response


async def refused(open_socket):
    response = await refused_with(open_socket, "/refused")
    assert response.status_code == 403, response


async def denied(open_socket):
    response = await refused_with(open_socket, "/denied")
    assert response.status_code == 401, response
    assert response.headers["www-authenticate"] == "Basic", response.headers
    assert response.body == b"who are you", response.body


async def at_once(open_socket):
    """Fifty sockets, each with messages of its own under way."""

    async def one(name):
        async with open_socket("/echo") as socket:
            messages = [f"{name}: {n}" for n in range(20)]
            for message in messages:
                await socket.send(message)
            assert [await socket.recv() for _ in messages] == messages

    await asyncio.gather(*map(one, range(50)))


CASES = [
    text,
    binary,
    fragments,
    plain,
    deflate,
    deflate_without_context,
    ping,
    subprotocol,
    no_subprotocol,
    accept_fields,
    server_closes,
    application_returns,
    application_fails,
    client_closes,
    refused,
    denied,
    at_once,
]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("case", choices=[case.__name__ for case in CASES])
    parser.add_argument("--ca")
    options = parser.parse_args()

    def open_socket(path, **settings):
        if options.ca:
            settings["ssl"] = ssl.create_default_context(cafile=options.ca)
        waits = dict(open_timeout=None, close_timeout=None, ping_interval=None)
        return connect(options.url + path, max_size=None, proxy=None, **waits, **settings)

    asyncio.run(next(case for case in CASES if case.__name__ == options.case)(open_socket))


main()
