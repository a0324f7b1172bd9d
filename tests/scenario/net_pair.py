"""The fake pair with a network of its own: proxy and sites are hosts, each a
network namespace on one wire, which nftables cuts, one way or both, or makes
lossy. The test's clients are on the proxy's host."""
import ctypes
import itertools
import os
import socket
import subprocess

from fake_pair import FakePair

NUMBERS = itertools.count(1)
HOSTS = ("primary", "backup", "proxy")
LIBC = ctypes.CDLL(None, use_errno=True)


def run(*words, text=None):
    done = subprocess.run(words, input=text, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, (words, done.stderr)


def setns(path):
    with open(path, encoding="utf-8") as f:
        if LIBC.setns(f.fileno(), 0) != 0:
            raise OSError(ctypes.get_errno(), f"setns {path}")


class NetPair(FakePair):
    hosts = {host: f"10.77.0.{i + 2}" for i, host in enumerate(HOSTS)}

    def __init__(self, **settings):
        self.mark = f"gsb{os.getpid()}-{next(NUMBERS)}"
        run("ip", "netns", "add", self.name("wire"))
        run("ip", "-n", self.name("wire"), "link", "add", "br0", "type",
            "bridge")
        run("ip", "-n", self.name("wire"), "link", "set", "br0", "up")
        for host in HOSTS:
            self.add_host(host)
        super().__init__(**settings)

    def name(self, host):
        return f"{self.mark}-{host}"

    def add_host(self, host):
        there = self.name(host)
        run("ip", "netns", "add", there)
        run("ip", "link", "add", "eth0", "netns", there, "type", "veth",
            "peer", "name", f"to-{host}", "netns", self.name("wire"))
        run("ip", "-n", self.name("wire"), "link", "set", f"to-{host}",
            "master", "br0", "up")
        run("ip", "-n", there, "addr", "add", f"{self.hosts[host]}/24", "dev",
            "eth0")
        for link in ("eth0", "lo"):
            run("ip", "-n", there, "link", "set", link, "up")

    def spawn(self, name, command):
        host = name.partition("-")[0]
        super().spawn(name, ["ip", "netns", "exec", self.name(host), *command])

    def connect(self, where, timeout=1):
        """From the proxy's host; the thread comes back to its own."""
        here = "/proc/thread-self/ns/net"
        with open(here, encoding="utf-8") as back:
            setns(f"/run/netns/{self.name('proxy')}")
            try:
                s = socket.socket()
            finally:
                assert LIBC.setns(back.fileno(), 0) == 0
        s.settimeout(timeout)
        s.connect(where)
        return s

    # --- the wire ------------------------------------------------------------

    def rules(self, host, *rules):
        """What arrives at a host from now on."""
        lines = "".join(f"add rule inet wire in {rule}\n" for rule in rules)
        run("ip", "netns", "exec", self.name(host), "nft", "-f", "-",
            text="add table inet wire\nflush table inet wire\nadd chain inet "
            "wire in { type filter hook input priority 0; }\n" + lines)

    def cut(self, one, other, back=True):
        """Nothing of `one` arrives at `other`; back: nor the other way."""
        self.rules(other, f"ip saddr {self.hosts[one]} drop")
        if back:
            self.rules(one, f"ip saddr {self.hosts[other]} drop")

    def lossy(self, percent):
        for host in HOSTS:
            self.rules(host, "iif eth0 numgen random mod 100 < "
                       f"{percent} drop")

    def mend(self):
        for host in HOSTS:
            self.rules(host)

    def restore(self):
        self.mend()
        super().restore()

    def down(self):
        try:
            self.mend()
            return super().down()
        finally:
            for host in (*HOSTS, "wire"):
                subprocess.run(["ip", "netns", "del", self.name(host)],
                               check=False)
