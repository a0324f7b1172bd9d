"""A network of the test's own, in which a whole demo runs: this thread, and
what it starts from now on, is in a namespace that nobody else is in. There
the demo's hosts are told apart by their ports (docs/contracts.md 2): nothing
of a site uses TCP to reach itself."""
import ctypes
import subprocess

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def run(*words, text=None):
    done = subprocess.run(words, input=text, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, (words, done.stderr)


def must(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


class OwnNet:
    """with OwnNet() as net: ...; what was started must end inside."""

    def __enter__(self):
        # pylint: disable=consider-using-with
        self.home = open("/proc/thread-self/ns/net", encoding="utf-8")
        must(LIBC.unshare(CLONE_NEWNET), "unshare")
        run("ip", "link", "set", "lo", "up")
        return self

    def __exit__(self, *_):
        must(LIBC.setns(self.home.fileno(), 0), "setns")
        self.home.close()

    @staticmethod
    def rules(ports, then):
        """Of packets from and to these ports; each set replaces the last."""
        lines = "".join(f"add rule inet wire in tcp {side} {{ {ports} }} "
                        f"{then}\n" for side in ("dport", "sport")
                        if ports)
        run("nft", "-f", "-", text="add table inet wire\nflush table inet "
            "wire\nadd chain inet wire in { type filter hook input priority "
            "0; }\n" + lines)

    @classmethod
    def mend(cls):
        cls.rules("", "")

    @classmethod
    def cut_from_proxy(cls, demo, percent=100):
        """Between proxy and primary that share of the packets is lost."""
        cls.rules(f"{demo.port + 10}-{demo.port + 12}",
                   f"numgen random mod 100 < {percent} drop")

    @classmethod
    def cut_between_sites(cls, demo):
        """Nothing of the primary reaches the backup, nor the other way."""
        cls.rules(f"{demo.port + 13}, {demo.port + 23}", "drop")

    @classmethod
    def cut_off(cls, demo):
        """The primary's machine from everybody."""
        cls.rules(f"{demo.port + 10}-{demo.port + 14}, {demo.port + 23}",
                   "drop")
