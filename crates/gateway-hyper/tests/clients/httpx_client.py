"""httpx against a server whose routes are those of httpx.rs.

httpx_client.py URL CASE [--http2] [--ca FILE]
"""

import argparse
import asyncio
import ssl

import httpx


def gets(client):
    for n in range(3):
        response = client.get("/hello", params={"n": n})
        assert response.status_code == 200, response
        assert response.text == f"GET /hello?n={n}", response.text
        assert response.headers["content-type"] == "text/plain; charset=utf-8", response.headers


def heads(client):
    response = client.head("/hello")
    assert (response.status_code, response.content) == (200, b""), response
    assert response.headers["content-length"] == str(len("HEAD /hello")), response.headers
    assert client.get("/hello").text == "GET /hello"


def fields(client):
    """Repeated fields, an empty one, and octets that are not ASCII, there and back."""
    sent = [(b"x-back", b"one"), (b"x-back", b"two, three"), (b"x-back", b""), (b"x-back", b"\xe4\xf6")]
    response = client.get("/fields", headers=sent)
    back = [value for name, value in response.headers.raw if name == b"x-back"]
    assert back == [value for _, value in sent], back


def streams_down(client):
    """Each block is there before the next one is made: this client lets it be made."""
    with client.stream("GET", "/down") as response:
        lines = response.iter_lines()
        for n in range(5):
            assert next(lines) == f"block {n}"
            assert client.post("/next").status_code == 200
        assert next(lines, None) is None


def streams_up(client):
    """Each block was read by the application before the next one is made: the server says so."""

    def blocks():
        for n in range(5):
            yield b"block %d\n" % n
            assert client.post("/was-read").text == f"block {n}\n"

    # Until it knows the server's settings, a client of HTTP/2 makes one request at a time.
    gets(client)
    response = client.post("/up", content=blocks())
    assert response.text == "40 octets", response.text


def uploads(client):
    body = bytes(range(251)) * 12_000
    response = client.post("/echo", content=body)
    assert response.status_code == 200, response
    assert response.content == body


def at_once(client):
    """With the client for asyncio: threads must not share the other one's connection of HTTP/2."""

    async def requests():
        paths = [f"/hello?n={n}" for n in range(500)]
        free = asyncio.Semaphore(50)

        async def text(path):
            async with free:
                return (await client.get(path)).text

        async with client:
            assert await asyncio.gather(*map(text, paths)) == [f"GET {path}" for path in paths]

    asyncio.run(requests())


CASES = [gets, heads, fields, streams_down, streams_up, uploads, at_once]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("case", choices=[case.__name__ for case in CASES])
    parser.add_argument("--http2", action="store_true")
    parser.add_argument("--ca")
    options = parser.parse_args()

    version = "HTTP/2" if options.http2 else "HTTP/1.1"

    def check(response):
        assert response.http_version == version, response.http_version

    async def check_async(response):
        check(response)

    case = next(case for case in CASES if case.__name__ == options.case)
    kind, hook = (httpx.AsyncClient, check_async) if case is at_once else (httpx.Client, check)
    client = kind(
        base_url=options.url,
        http1=not options.http2,
        http2=options.http2,
        verify=ssl.create_default_context(cafile=options.ca) if options.ca else True,
        trust_env=False,
        timeout=None,
        event_hooks={"response": [hook]},
    )
    case(client)


main()
