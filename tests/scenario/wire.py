"""A relay in front of a database that knows PostgreSQL's messages: a program
is killed (-9) before one of those that it sends reaches the server."""
import socket
import struct
import threading

SSL, GSS = 80877103, 80877104


def read(s, n):
    data = b""
    while len(data) < n:
        piece = s.recv(n - len(data))
        if not piece:
            raise ConnectionError("closed")
        data += piece
    return data


class Fuse:
    """Blows at the count-th message of those connections' that is wanted,
    counted from the first that begins. Forgets nothing by itself."""

    def __init__(self, count, application, begins=lambda m: True,
                 wanted=lambda m: True):
        self.left, self.application = count, application
        self.begins, self.wanted = begins, wanted
        self.kill = None  # what blowing does
        self.lit = False
        self.seen = []  # the messages that were counted, 60 bytes of each
        self.blown = threading.Event()

    def burn(self, application, message):
        """Whether this one is not to reach the server."""
        if self.blown.is_set():
            return True
        if application != self.application or not self.wanted(message):
            return False
        self.lit = self.lit or self.begins(message)
        if not self.lit:
            return False
        self.seen.append(message[:1] + message[5:60])
        self.left -= 1
        if self.left != 0:
            return False
        self.kill()
        self.blown.set()
        return True


class Wire(threading.Thread):
    def __init__(self, port):
        super().__init__(daemon=True)
        self.target = port
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.fuse = None
        self.lock = threading.Lock()
        self.start()

    def run(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,),
                             daemon=True).start()

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        self.join()

    def serve(self, client):
        there = None
        try:
            there = socket.create_connection(("127.0.0.1", self.target))
            for s in (client, there):
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            application = self.greet(client, there)
            back = threading.Thread(target=self.answers,
                                    args=(there, client), daemon=True)
            back.start()
            self.messages(application, client, there)
        except (OSError, ConnectionError):
            pass
        finally:
            for s in (client, there):
                self.end(s)

    @staticmethod
    def end(s):
        if s is None:
            return
        try:  # the other thread's recv must not outlive the close
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        s.close()

    @staticmethod
    def greet(client, there):
        """The application's name, from the packet that begins."""
        while True:
            head = read(client, 8)
            size, code = struct.unpack("!II", head)
            rest = read(client, size - 8)
            there.sendall(head + rest)
            if code not in (SSL, GSS):
                break
            client.sendall(read(there, 1))
        words = rest.split(b"\0")
        named = dict(zip(words[::2], words[1::2]))
        return named.get(b"application_name", b"").decode()

    def answers(self, there, client):
        try:
            while data := there.recv(65536):
                client.sendall(data)
        except OSError:
            pass
        self.end(client)

    def messages(self, application, client, there):
        buffer = b""
        while data := client.recv(65536):
            buffer += data
            passes = 0
            while len(buffer) >= passes + 5:
                size, = struct.unpack_from("!I", buffer, passes + 1)
                if len(buffer) < passes + 1 + size:
                    break
                if self.burns(application, buffer[passes:passes + 1 + size]):
                    # a part of it may be on its way
                    there.sendall(buffer[:passes + size // 2])
                    return
                passes += 1 + size
            there.sendall(buffer[:passes])
            buffer = buffer[passes:]

    def burns(self, application, message):
        with self.lock:
            return self.fuse is not None and \
                self.fuse.burn(application, message)
