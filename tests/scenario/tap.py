"""A wire between the proxy and one site's web, which sees what goes over it
and can be cut, be slow, or say a grant again."""
import re
import socket
import threading
import time

SERVED = re.compile(rb"\r\nGSB-Served: (\d+) (\d+)\r\n")
OVERLAP = 80


class Tap:
    def __init__(self, port, to):
        self.to = to
        self.stamps = []      # (clock in s, epoch) of each answer
        self.grants = []      # as they were sent
        self.delay_s = 0      # of grants
        self.cut = threading.Event()
        self.pipes = set()
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", port), backlog=128)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                site = socket.create_connection(("127.0.0.1", self.to), 5)
                site.settimeout(None)
            except OSError:
                client.close()
                continue
            with self.lock:
                self.pipes |= {client, site}
            for source, sink, look in ((client, site, self.asked),
                                       (site, client, self.answered)):
                threading.Thread(target=self.pump, daemon=True,
                                 args=(source, sink, look)).start()

    def pump(self, source, sink, look):
        before = b""
        try:
            while data := source.recv(65536):
                before = look(before, data)
                if not self.cut.is_set():  # as nftables' drop
                    sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        with self.lock:
            self.pipes -= {source, sink}

    def asked(self, _, data):
        if data.startswith(b"POST /gsb/lease"):
            self.grants.append(data)
            del self.grants[:-50]
            if self.delay_s:
                time.sleep(self.delay_s)
        return b""

    def answered(self, before, data):
        """Stamps may lie across two pieces; none is counted twice."""
        text = before + data
        end = 0
        for m in SERVED.finditer(text):
            self.stamps.append((int(m[2]) / 1e6, int(m[1])))
            end = m.end() - 2
        return text[max(end, len(text) - OVERLAP):]

    def say_again(self):
        """Every grant that was seen lately, once more; what is answered."""
        said = []
        for grant in list(self.grants):
            with socket.create_connection(("127.0.0.1", self.to), 5) as s:
                s.settimeout(5)
                s.sendall(grant)
                said.append(s.recv(65536))
        return said

    def close(self):
        self.listener.close()
        with self.lock:
            for pipe in list(self.pipes):
                pipe.close()
