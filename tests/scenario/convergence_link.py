"""A wire between a replicator and the other site's database, which the test
can cut (connections die, new ones are refused) or stall (nothing moves)."""
import select
import socket
import threading

from ports import free_port


class Link:
    def __init__(self, to_port):
        self.to_port = to_port
        self.port = free_port()
        self.lock = threading.Lock()
        self.pairs = []
        self.is_cut = False
        self.open = threading.Event()
        self.open.set()
        self.closing = False
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(16)
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while not self.closing:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.socket()
            try:
                with self.lock:
                    if self.is_cut:
                        raise ConnectionRefusedError
                far.connect(("127.0.0.1", self.to_port))
            except OSError:
                near.close()
                far.close()
                continue
            with self.lock:
                self.pairs.append((near, far))
            threading.Thread(target=self.carry, args=(near, far),
                             daemon=True).start()

    def carry(self, near, far):
        other = {near: far, far: near}
        try:
            while True:
                ready, _, _ = select.select([near, far], [], [], 60)
                self.open.wait()
                for s in ready:
                    data = s.recv(65536)
                    if not data:
                        return
                    other[s].sendall(data)
        except (OSError, ValueError):
            return
        finally:
            self.end(near, far)

    def end(self, near, far):
        with self.lock:
            if (near, far) in self.pairs:
                self.pairs.remove((near, far))
        for s in (near, far):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def cut(self):
        with self.lock:
            self.is_cut = True
            pairs = list(self.pairs)
        self.open.set()
        for near, far in pairs:
            for s in (near, far):
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def stall(self):
        self.open.clear()

    def heal(self):
        with self.lock:
            self.is_cut = False
        self.open.set()

    def close(self):
        self.closing = True
        self.cut()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.thread.join(5)
