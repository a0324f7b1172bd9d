#!/usr/bin/python3 -B
"""One service of a site as far as the proxy can see it: lease, barriers,
companies, and requests that say which site answered. A process of its own,
so that it can be killed and stopped like the real one.

    fake_site.py SITE SERVICE [HOST:]PORT KEYFILE STATE

STATE is a folder that both sites share. In it the test writes SITE.json
({"db": "down", "rooms": 1, "sync": "degraded", "slow_ms": 50}, ...), and both
sites leave the barriers they emitted, with "record" in SITE.seen what they
began to execute: [monotonic s, how many then, method, path, request's id].
"""
import base64
import hashlib
import hmac
import http.server
import json
import os
import ssl
import secrets
import signal
import sys
import threading
import time


class Service:
    def __init__(self, site, service, key_file, state):
        self.site, self.service, self.state = site, service, state
        self.boot = secrets.token_hex(8)
        self.epoch = self.until_us = 0
        self.serve = False
        self.grant = {}
        self.in_flight = 0
        self.lock = threading.Lock()
        self.key_file = key_file
        self.read_keys()
        signal.signal(signal.SIGHUP, lambda *_: self.read_keys())

    def read_keys(self):
        self.keys = {}
        with open(self.key_file, encoding="utf-8") as f:
            for line in f:
                if line.strip() and not line.startswith("#"):
                    name, key = line.split()
                    self.keys[name] = bytes.fromhex(key)

    def settings(self):
        try:
            with open(os.path.join(self.state, self.site + ".json"),
                      encoding="utf-8") as f:
                return json.load(f)
        except (OSError, ValueError):
            return {}

    def verify(self, body, signature):
        name, _, sum64 = (signature or "").partition(".")
        if name not in self.keys:
            return False
        right = base64.urlsafe_b64encode(hmac.new(
            self.keys[name], body, hashlib.sha256).digest()).rstrip(b"=")
        return hmac.compare_digest(right, sum64.encode())

    @staticmethod
    def clock_us():
        return time.monotonic_ns() // 1000

    def serving(self):
        return self.serve and self.clock_us() < self.until_us

    def take(self, grant):
        now = self.clock_us()
        if self.settings().get("stubborn"):
            return
        with self.lock:
            if grant["boot"] != self.boot or grant["until_us"] == 0 or \
                    grant["until_us"] <= self.until_us or \
                    grant["until_us"] > now + 10_000_000 or \
                    grant["epoch"] < self.epoch:
                return
            self.epoch = grant["epoch"]
            self.until_us = grant["until_us"]
            self.serve = grant["serve"]
            self.grant = grant

    def answer(self):
        s = self.settings()
        doc = {"v": 1, "site": self.site, "service": self.service,
               "boot": self.boot, "clock_us": self.clock_us(),
               "epoch": self.epoch, "serving": self.serving(),
               "keys": ",".join(self.keys),
               "version": s.get("version", "1.0"), "schema": 1,
               "sessions": 0, "disk_free_permille": s.get("disk", 500),
               "in_flight": self.in_flight, "companies": "e1",
               "wall_us": time.time_ns() // 1000 +
               s.get("ahead_ms", 0) * 1000}
        if "copy_us" in s:
            doc["copy_us"] = s["copy_us"]
        if self.service == "collab":
            doc["components"] = {"collab": "ok"}
            doc["sessions"] = s.get("rooms", 0)
            return doc
        db = s.get("db", "ok")
        doc["components"] = {"web": "ok", "db": db, "files": "ok"}
        doc["replication"] = None if db != "ok" else {
            "sync": s.get("sync", "on"), "oldest_commit_wait_ms": 0,
            "out": {"state": s.get("out", "streaming"), "lag_bytes": 0,
                    "lag_ms": 0},
            "in": {"state": "streaming", "lag_ms": 0},
            "parked": s.get("parked", 0), "conflicts": 0,
            "key_conflicts": s.get("key_conflicts", 0),
            "replicator_age_ms": 1}
        if "mail" in s:
            doc["mail"] = s["mail"]
        return doc

    def enter(self, request, settings):
        with self.lock:
            self.in_flight += 1
            n = self.in_flight
        if not settings.get("record"):
            return
        with open(os.path.join(self.state, self.site + ".seen"), "a",
                  encoding="utf-8") as f:
            f.write(json.dumps([time.monotonic(), n, request.command,
                                request.path,
                                request.headers["GSB-Request"]]) + "\n")

    def leave(self):
        with self.lock:
            self.in_flight -= 1

    def barrier(self, body):
        path = os.path.join(self.state, "barriers", body["token"])
        if body["op"] == "emit":
            with open(path, "w", encoding="utf-8"):
                pass
            return {"lsn": "0/1"}
        return {"seen": os.path.exists(path) and
                not self.settings().get("barriers_blocked", False)}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # one write an answer: no waits for delayed ACKs
    service = None

    def log_message(self, *args):
        pass

    def reply(self, status, doc, fields=()):
        body = json.dumps(doc).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in fields:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def between_programs(self, body):
        s = self.service
        if not s.verify(body, self.headers.get("GSB-Signature")):
            return self.reply(403, {"message": "signature"})
        doc = json.loads(body)
        if self.path == "/gsb/lease":
            s.take(doc)
            time.sleep(s.settings().get("slow_probe_ms", 0) / 1000)
            return self.reply(200, s.answer())
        if self.path == "/gsb/barrier":
            return self.reply(200, s.barrier(doc))
        if self.path == "/gsb/companies" and doc["op"] == "list":
            return self.reply(200, {"etag": "e1", "companies": ["acme"]})
        if self.path == "/gsb/companies":
            if doc["name"] == "acme":
                return self.reply(409, {"message": "acme exists"})
            return self.reply(200, {"name": doc["name"]})
        return self.reply(404, {"message": "no such path"})

    def do_GET(self):
        s = self.service
        body, trailers = self.body()
        if self.path.startswith("/gsb/"):
            return self.between_programs(body)
        mine = s.serving() and self.headers.get("GSB-Epoch") == str(s.epoch)
        if not mine:
            return self.reply(421, {}, [("GSB-Not-Processed", "1")])
        settings = s.settings()
        if settings.get("db", "ok") != "ok":
            return self.reply(503, {}, [("GSB-Not-Processed", "1")])
        s.enter(self, settings)
        time.sleep(settings.get("slow_ms", 0) / 1000)
        s.leave()
        if not s.serving():
            return self.reply(421, {}, [("GSB-Not-Processed", "1")])
        if self.path == "/acme/trailers":
            return self.give_chunked()
        if self.path.startswith("/acme/names/"):
            return self.reply(200, {}, [(n, "1") for n in
                                        self.path[12:].split("/")])
        if self.path.startswith("/acme/bytes/"):
            return self.give(int(self.path.rpartition("/")[2]))
        return self.reply(200, {
            "proto": self.headers.get("X-Forwarded-Proto"),
            "for": self.headers.get("X-Forwarded-For"),
            "host": self.headers.get("Host"),
            "cookie": self.headers.get("Cookie"),
            "trailers": trailers,
            "sha256": hashlib.sha256(body).hexdigest(),
            "site": s.site, "epoch": s.epoch, "peer": s.grant.get("peer"),
            "degraded": s.grant.get("degraded"), "method": self.command})

    def body(self):
        """Content and trailers."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(
                int(self.headers.get("Content-Length") or 0)), []
        content, trailers = b"", []
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        while line := self.rfile.readline().strip():
            trailers.append(line.decode())
        return content, trailers

    def give_chunked(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n")

    def give(self, n):
        self.send_response(200)
        self.send_header("Content-Length", str(n))
        self.end_headers()
        for at in range(0, n, 65536):
            self.wfile.write(bytes(min(65536, n - at)))

    do_POST = do_PUT = do_DELETE = do_GET


class Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128
    context = None

    def speak_tls(self, path, client_ca):
        """PATH.pem and PATH.key; client_ca: clients must show what it
        signed, "" for none."""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(path + ".pem", path + ".key")
        if client_ca:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(client_ca)

    def get_request(self):
        sock, address = super().get_request()
        if self.context is not None:  # the handshake is its thread's
            sock = self.context.wrap_socket(sock, server_side=True,
                                            do_handshake_on_connect=False)
        return sock, address

    def handle_error(self, request, client_address):
        if self.context is None:
            super().handle_error(request, client_address)


def main():
    site, service, port, key_file, state, *tls = sys.argv[1:]
    os.makedirs(os.path.join(state, "barriers"), exist_ok=True)
    Handler.service = Service(site, service, key_file, state)
    host, _, port = port.rpartition(":")
    server = Server((host or "127.0.0.1", int(port)), Handler)
    if tls:
        server.speak_tls(*tls)
    server.serve_forever()


if __name__ == "__main__":
    main()
