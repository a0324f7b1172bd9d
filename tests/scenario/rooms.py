"""People in rooms: WebSocket clients that a test can call one after another.
They live on a loop in a thread of their own."""
import asyncio
import json
import threading

import websockets

TIMEOUT_S = 20


class Refused(Exception):
    def __init__(self, status, headers):
        super().__init__(f"refused: {status}")
        self.status, self.headers = status, headers


class Loop:
    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever,
                                       daemon=True)
        self.thread.start()

    def run(self, job, timeout=TIMEOUT_S):
        return asyncio.run_coroutine_threadsafe(
            asyncio.wait_for(job, timeout), self.loop).result()

    @staticmethod
    async def end():
        """Lets nothing be under way."""
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def close(self):
        asyncio.run_coroutine_threadsafe(self.end(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


class Person:
    """A connection to a room."""

    def __init__(self, loop, url, headers=None):
        self.loop = loop
        try:
            self.socket = loop.run(self.connect(url, headers or {}))
        except websockets.exceptions.InvalidStatusCode as e:
            raise Refused(e.status_code, e.headers) from None

    @staticmethod
    async def connect(url, headers):
        return await websockets.connect(
            url, extra_headers=headers, ping_interval=None, compression=None,
            close_timeout=5, open_timeout=TIMEOUT_S)

    def hear(self, timeout=TIMEOUT_S):
        """The next message."""
        return json.loads(self.loop.run(self.socket.recv(), timeout))

    def hear_until(self, kind, timeout=TIMEOUT_S):
        while True:
            message = self.hear(timeout)
            if message["type"] == kind:
                return message

    def say(self, message):
        text = message if isinstance(message, (str, bytes)) else \
            json.dumps(message)
        self.loop.run(self.socket.send(text))

    def say_broken_text(self):
        """A text frame that is not UTF-8, masked with zeros."""
        self.loop.loop.call_soon_threadsafe(
            self.socket.transport.write,
            b"\x81\x82\x00\x00\x00\x00\xff\xfe")

    def hears_nothing(self, seconds):
        try:
            message = self.hear(seconds)
        except asyncio.TimeoutError:
            return True
        raise AssertionError(f"heard {message}")

    def echo(self):
        """Whether the room answers."""
        self.say({"type": "ping"})
        while (message := self.hear())["type"] != "pong":
            assert message["type"] != "error", message
        return message

    def leave(self):
        self.loop.run(self.socket.close())

    def cut(self):
        """The connection breaks."""
        self.loop.loop.call_soon_threadsafe(self.socket.transport.abort)

    def closed(self, timeout=TIMEOUT_S):
        """(code, reason) of the end, which the other side made."""
        self.loop.run(self.socket.wait_closed(), timeout)
        return self.socket.close_code, self.socket.close_reason


def names(message):
    return [p["name"] for p in message["roster"]]
