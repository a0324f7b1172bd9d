"""Reloads and an upgrade under load: nobody is refused, nothing is closed."""
import asyncio
import resource
import socket

import pytest

from fake_pair import FakePair
from ports import free_port
from wait import wait_until

CONNECTIONS = 200
ROOMS = 1000
HELLO = (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
         b"Upgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n")
ASK = (b"GET /acme/ws/P/1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
       b"Upgrade: websocket\r\n\r\n")
FRAME = b"\x81\x04ping"


@pytest.fixture(name="pair")
def fixture_pair():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # who loads two cores so makes probes late: that is not what is tested
    pair = FakePair(proxy={"workers": "2"},
                    health={"timeout": "6s", "ttl": "9s", "fall": 6}).up()
    yield pair
    pair.end_successor()
    fault = pair.down()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert not fault, fault


async def collab(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(HELLO)
    while data := await reader.read(4096):
        writer.write(data)
    writer.close()


class Load:
    """Half of the connections stay, half are made for each request."""
    def __init__(self, pair):
        self.pair = pair
        self.ended = False
        self.answers = 0
        self.faults = []

    async def run(self, i):
        streams = None
        while not self.ended:
            try:
                if streams is None:
                    streams = await asyncio.open_connection(
                        "127.0.0.1", self.pair.port)
                streams = await self.ask(i, *streams)
            except (OSError, EOFError, ValueError) as e:
                self.faults.append(repr(e))
                streams = None
        if streams is not None:
            streams[1].close()

    async def ask(self, i, reader, writer):
        body = b"x" * 100 * (i % 2)
        head = (f"{'POST' if body else 'GET'} /acme/x HTTP/1.1\r\nHost: x\r\n"
                f"Content-Length: {len(body)}\r\n")
        if i % 4 > 1:
            head += "Connection: close\r\n"
        writer.write(head.encode() + b"\r\n" + body)
        answer = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(answer.split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        if b" 200 " not in answer.split(b"\r\n")[0]:
            self.faults.append(answer)
        self.answers += 1
        if b"connection: close" not in answer:
            return reader, writer
        writer.close()
        return None


async def open_room(pair):
    reader, writer = await asyncio.open_connection("127.0.0.1", pair.port)
    writer.write(ASK)
    answer = await reader.readuntil(b"\r\n\r\n")
    assert b" 101 " in answer, answer
    return reader, writer


async def speak(rooms):
    for _, writer in rooms:
        writer.write(FRAME)
    for reader, _ in rooms:
        assert await asyncio.wait_for(reader.readexactly(6), 30) == FRAME


async def call(pair, *words):
    return await asyncio.to_thread(pair.ctl, *words)


async def reload(pair, i, extra):
    """Another address and other limits each time."""
    pair.limits["pool"] = 100 + i
    conf = pair.conf()
    if i % 2:
        conf = conf.replace(f"listen = 127.0.0.1:{pair.port}\n",
                            f"listen = 127.0.0.1:{pair.port}, "
                            f"127.0.0.1:{extra}\n")
    pair.write("proxy.conf", conf)
    await call(pair, "proxy", "reload")


async def scenario(pair):
    server = await asyncio.start_server(collab, "127.0.0.1", pair.idle[0],
                                        backlog=1024)
    rooms = [await open_room(pair) for _ in range(ROOMS)]
    load = Load(pair)
    tasks = [asyncio.create_task(load.run(i)) for i in range(CONNECTIONS)]
    extra = free_port()
    before = pair.status()["pid"]
    for i in range(25):
        await reload(pair, i, extra)
    await call(pair, "proxy", "upgrade")
    for i in range(25, 50):
        await reload(pair, i, extra)
    count = load.answers
    while load.answers < count + 500:
        await asyncio.sleep(0.01)
    load.ended = True
    await asyncio.gather(*tasks)
    assert not load.faults, (len(load.faults), load.faults[:5])
    await speak(rooms)
    status = pair.status()
    assert status["pid"] != before
    print(f"{load.answers} answers, {len(rooms)} rooms")
    await follows(pair, rooms)
    server.close()


async def follows(pair, rooms):
    """The old process moves its rooms when the new one moves the pair."""
    await asyncio.to_thread(pair.order, "switchover", "--to", "backup")
    for reader, writer in rooms:
        frame = await asyncio.wait_for(reader.read(100), 30)
        assert frame[:1] == b"\x88" and frame[2:4] == b"\x03\xf4", frame
        writer.close()
    await asyncio.to_thread(pair.processes["proxy"].wait, 30)


def test_reloads_and_an_upgrade_under_load(pair):
    asyncio.run(scenario(pair))


def test_a_bad_configuration_changes_nothing(pair):
    pair.write("proxy.conf", pair.conf() + "[limits]\npool = many\n")
    line = pair.conf().count("\n") + 2
    told = pair.ctl("proxy", "reload", status=1)
    assert f"proxy.conf:{line}: " in told and "pool" in told, told
    taken = free_port()
    with socket.socket() as s:
        s.bind(("127.0.0.1", taken))
        s.listen()
        pair.write("proxy.conf", pair.conf().replace(
            f"listen = 127.0.0.1:{pair.port}\n",
            f"listen = 127.0.0.1:{pair.port}, 127.0.0.1:{taken}\n"))
        assert str(taken) in pair.ctl("proxy", "reload", status=1)
    assert pair.get()[0] == 200
    pair.write("proxy.conf", pair.conf())
    pair.ctl("proxy", "reload")


def test_an_upgrade_that_fails_changes_nothing(pair):
    before = pair.status()
    pair.write("proxy.conf", "[proxy]\nlisten = nonsense\n")
    pair.ctl("proxy", "upgrade", status=4)
    assert "upgrade failed" in pair.ctl("events")
    assert pair.status()["pid"] == before["pid"]
    assert pair.get()[0] == 200
    pair.write("proxy.conf", pair.conf())
    # And one after that works.
    pair.ctl("proxy", "upgrade")
    assert pair.status()["pid"] != before["pid"]
    assert pair.get()[0] == 200
