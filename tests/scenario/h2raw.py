"""HTTP/2 frame by frame, for what no well-behaved client does."""
import socket
import ssl
import struct

MAGIC = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, MORE = \
    range(10)
END_STREAM, END_HEADERS, ACK = 1, 4, 1
CALM = 11


def integer(n, bits=7):
    """HPACK, RFC 7541 5.1."""
    most = (1 << bits) - 1
    if n < most:
        return bytes([n])
    out, n = [most], n - most
    while n >= 128:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + [n])


def block(*fields):
    """Literals that are never indexed and not compressed."""
    return b"".join(b"\x00" + integer(len(n)) + n + integer(len(v)) + v
                    for n, v in ((n.encode(), v.encode())
                                 for n, v in fields))


def head(method="GET", path="/acme/x", *more, authority="x"):
    return block((":method", method), (":scheme", "http"),
                 (":authority", authority), (":path", path), *more)


class Client:
    def __init__(self, port, settings=b"", cafile=None):
        self.sock = socket.create_connection(("127.0.0.1", port), 15)
        if cafile is not None:
            context = ssl.create_default_context(cafile=cafile)
            context.set_alpn_protocols(["h2"])
            self.sock = context.wrap_socket(self.sock,
                                            server_hostname="127.0.0.1")
        self.got, self.aside = b"", []
        self.sock.sendall(MAGIC + self.frame(SETTINGS, 0, 0, settings))

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self.sock.close()

    @staticmethod
    def frame(kind, flags, stream, payload=b""):
        return struct.pack(">I", len(payload))[1:] + \
            struct.pack(">BBI", kind, flags, stream) + payload

    def send(self, kind, flags, stream, payload=b""):
        self.sock.sendall(self.frame(kind, flags, stream, payload))

    def get(self, stream, path="/acme/x", flags=END_STREAM | END_HEADERS):
        self.send(HEADERS, flags, stream, head("GET", path))

    def flood(self, pieces):
        """Sends until the other side has enough of it; true if it had."""
        try:
            for piece in pieces:
                self.sock.sendall(piece)
        except OSError:
            return True
        return self.end()[0] is not None

    def read(self):
        """(kind, flags, stream, payload), or None at the end."""
        if self.aside:
            return self.aside.pop(0)
        while True:
            if len(self.got) >= 9:
                n = int.from_bytes(self.got[:3], "big")
                if len(self.got) >= 9 + n:
                    kind, flags, stream = struct.unpack(">BBI", self.got[3:9])
                    payload = self.got[9:9 + n]
                    self.got = self.got[9 + n:]
                    return kind, flags, stream, payload
            try:
                piece = self.sock.recv(65536)
            except (ConnectionError, ssl.SSLError):
                return None
            if not piece:
                return None
            self.got += piece

    def wait(self, kind, stream=None):
        """The payload of the next such frame."""
        while (f := self.read()) is not None:
            if f[0] == kind and (stream is None or f[2] == stream):
                return f[3]
        raise AssertionError(f"the connection ended before frame {kind}")

    def end(self):
        """Reads to the end: (code of the last GOAWAY or None, frames)."""
        code, frames = None, []
        while (f := self.read()) is not None:
            frames.append(f)
            if f[0] == GOAWAY:
                code = struct.unpack(">I", f[3][4:8])[0]
        return code, frames

    def answer(self, stream):
        """(first byte of the head's block, content) of a whole answer;
        frames of other streams stay for who asks next."""
        status, body, others, done = None, b"", [], False
        while not done:
            f = self.read()
            assert f is not None, "the connection ended before the answer"
            if f[2] != stream:
                others.append(f)
                continue
            if f[0] == RST:
                status, body = "reset", struct.unpack(">I", f[3])[0]
            elif f[0] == HEADERS and status is None:
                status = f[3][0]
            elif f[0] == DATA:
                body += f[3]
            done = f[0] == RST or f[1] & END_STREAM
        self.aside = others + self.aside
        return status, body
