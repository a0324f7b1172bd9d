"""What operators ask of a replicator at its socket, state_dir/control."""
import http.client
import json
import os
import socket

from wait import wait_until


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def ask(folder, method, target, body=None):
    """(status, answer) of the replicator whose state_dir that is."""
    path = os.path.join(folder, "control")
    wait_until(lambda: os.path.exists(path), what=path)
    c = Unix(path)
    try:
        c.request(method, target,
                  json.dumps(body) if body is not None else None,
                  {"Content-Type": "application/json"})
        answer = c.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        c.close()
