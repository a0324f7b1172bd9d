"""deploy/demo up: from nothing to a pair that serves, step by step."""
import fcntl
import json
import os
import secrets
import subprocess
import sys
import time

import conf
import process
from cluster import Cluster
from daemon import Daemon
from layout import BUILDS, COMPANY, NAMES, PROGRAMS, ROOT, SITES, Fault


class Steps:
    """Prints each step with the time it took."""

    def __init__(self, count):
        self.count = count
        self.number = 0
        self.begin = time.monotonic()

    def run(self, words, action, *arguments):
        self.number += 1
        print(f"[{self.number}/{self.count}] {words} …", end=" ", flush=True)
        start = time.monotonic()
        try:
            action(*arguments)
        except Fault:
            print("failed")
            raise
        print(f"{time.monotonic() - start:.1f} s", flush=True)


def run(command, what, timeout=600, **options):
    """A program's standard output; what it said, when it fails."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=timeout,
                              check=False, errors="replace", **options)
    except FileNotFoundError:
        raise Fault(f"{what}: {command[0]} is missing; deploy/packages run "
                    "installs what is needed") from None
    except subprocess.TimeoutExpired:
        raise Fault(f"{what}: {' '.join(command)} was still running after "
                    f"{timeout} s") from None
    if done.returncode != 0:
        said = (done.stdout + done.stderr).rstrip().split("\n")[-40:]
        raise Fault(f"{what}: {' '.join(command)} failed with status "
                    f"{done.returncode}:\n" + "\n".join(said))
    return done.stdout


def check_ports(layout):
    """Only what no process of this demo holds must be free."""
    if any(thing(layout, name).state() != "stopped" for name in NAMES):
        return
    for port, what in layout.ports().items():
        if port > 65535:
            raise Fault(f"--port {layout.port}: the demo needs ports up to "
                        f"{layout.port + 24}, {port} is none")
        if not process.bindable(port):
            raise Fault(f"port {port} ({what}) is in use: ss -ltnp 'sport = "
                        f":{port}' says by whom; choose another --port, whose "
                        "ports are --port … --port + 24")


def build(layout):
    folder = os.path.join(ROOT, "build", BUILDS[layout.build])
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(ROOT, "build", f".{BUILDS[layout.build]}.lock"),
              "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two demos, one build folder
        run(["cmake", "-S", ROOT, "-B", folder, "-G", "Ninja",
             f"-DCMAKE_BUILD_TYPE={layout.build}"], "build")
        run(["ninja", "-C", folder, "programs"], "build", timeout=1800)
    layout.bin = os.path.join(folder, "bin")
    offer(layout)


def offer(layout):
    """build/bin/ holds the programs that were built last, of any type."""
    shown = os.path.join(ROOT, "build", "bin")
    os.makedirs(shown, exist_ok=True)
    for program in PROGRAMS:
        new = os.path.join(shown, f".{program}.{os.getpid()}")
        os.symlink(os.path.join("..", BUILDS[layout.build], "bin", program),
                   new)
        os.replace(new, os.path.join(shown, program))


def make_secrets(layout):
    if not os.path.exists(layout.path("secret", "pair.keys")):
        layout.write("secret/pair.keys", f"k1 {secrets.token_hex(32)}\n",
                     0o600)
    if not os.path.exists(layout.path("secret", "acme-admin")):
        layout.write("secret/acme-admin", secrets.token_urlsafe(12) + "\n",
                     0o600)
    if not os.path.exists(layout.dashboard_token()):
        layout.write("secret/dashboard-token",
                     secrets.token_urlsafe(24) + "\n", 0o600)
    if not os.path.exists(layout.path("secret", "proxy.pem")):
        make_certificates(layout)


def make_certificates(layout):
    """A certificate authority for this demo alone, and one certificate."""
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
           "ec_paramgen_curve:P-256", "-nodes", "-days", "3650"]
    old = os.umask(0o077)
    try:
        run([*new, "-subj", "/CN=GSB demo CA",
             "-addext", "keyUsage=critical,keyCertSign,cRLSign",
             "-keyout", layout.path("secret", "ca.key"),
             "-out", layout.path("conf", "ca.pem.new")], "TLS")
        run(["openssl", "req", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost,DNS:*.localhost,"
             "IP:127.0.0.1",
             "-keyout", layout.path("secret", "proxy.key"),
             "-out", layout.path("secret", "proxy.csr")], "TLS")
        run(["openssl", "x509", "-req", "-days", "3650", "-copy_extensions",
             "copyall", "-in", layout.path("secret", "proxy.csr"),
             "-CA", layout.path("conf", "ca.pem.new"),
             "-CAkey", layout.path("secret", "ca.key"), "-CAcreateserial",
             "-CAserial", layout.path("secret", "ca.srl"),
             "-out", layout.path("secret", "proxy.pem.new")], "TLS")
    finally:
        os.umask(old)
    os.chmod(layout.path("conf", "ca.pem.new"), 0o644)
    os.replace(layout.path("conf", "ca.pem.new"),
               layout.path("conf", "ca.pem"))
    os.replace(layout.path("secret", "proxy.pem.new"),
               layout.path("secret", "proxy.pem"))


def databases(layout):
    for site in SITES:
        cluster = Cluster(layout, f"{site}-db")
        if not cluster.made():
            cluster.stop()
            cluster.make()
        cluster.configure(conf.database_settings(layout, cluster.name))
        if cluster.state() == "paused":
            cluster.resume()
        cluster.stop()  # some settings count from the start only
        cluster.start()


def schema(layout):
    for site in SITES:
        run([os.path.join(layout.bin, f"gsb-{site}"), "--config",
             layout.path("conf", f"{site}-web.conf"), "--migrate"],
            f"schema of the {site} site")


def content(layout):
    """A page and a client, once: what the daily copy brings to the backup."""
    if os.path.lexists(layout.path("state", "primary", "files", "current")):
        return
    run([os.path.join(layout.bin, "gsb-primary"), "--config",
         layout.path("conf", "primary-web.conf"), "--publish",
         os.path.join(ROOT, "deploy", "pair", "content")], "content")


def install_replication(layout):
    for site in SITES:
        run([os.path.join(layout.bin, "gsb-replicator"), "--config",
             layout.path("conf", f"{site}-replicator.conf"), "install"],
            f"replication at the {site} site")


def daemons(layout):
    for name in NAMES:
        if not name.endswith("-db"):
            Daemon(layout, name).start()


def ctl(layout, *arguments, timeout=60):
    return run([os.path.join(layout.bin, "gsbctl"), "--connect",
                layout.admin_socket(), *arguments], "gsbctl", timeout)


def serves(layout):
    """Whether the pair is whole: the primary serves and the backup could."""
    try:
        status = json.loads(ctl(layout, "--format", "json", "status",
                                timeout=10))
    except (Fault, ValueError):
        return False
    return status.get("state") == "NORMAL"


def wait_serving(layout):
    if not process.wait_for(lambda: serves(layout), 60, 0.2):
        raise Fault("the pair does not serve after 60 s: deploy/demo status "
                    "and gsbctl status say what is missing; the end of "
                    f"{layout.path('log', 'proxy')}:\n"
                    f"{process.tail(layout.path('log', 'proxy'))}")


def has_company(layout):
    listed = json.loads(ctl(layout, "--format", "json", "company", "list"))
    names = listed["companies"] if isinstance(listed, dict) else listed
    return COMPANY["name"] in [n["name"] if isinstance(n, dict) else n
                               for n in names]


def company(layout):
    """On a busy machine a fresh pair may say: try again in a moment."""
    end = time.monotonic() + 30
    while not has_company(layout):
        try:
            ctl(layout, "company", "add", COMPANY["name"],
                "--site-id", COMPANY["site_id"],
                "--partner-id", COMPANY["partner_id"],
                "--admin", COMPANY["admin"],
                "--password-file", layout.path("secret", "acme-admin"))
            return
        except Fault:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)


def thing(layout, name):
    return (Cluster if name.endswith("-db") else Daemon)(layout, name)


def stop_daemons(layout):
    """The proxy first, so that it does not see its sites fail."""
    for name in reversed(NAMES):
        if not name.endswith("-db"):
            thing(layout, name).stop()


def up(layout):
    check_ports(layout)
    steps = Steps(9)
    if not layout.known and os.path.isdir(layout.dir) and \
            os.listdir(layout.dir):
        raise Fault(f"--dir {layout.dir} is not empty and holds no demo; "
                    "choose another")
    steps.run(f"build ({layout.build})", build, layout)
    layout.folders()
    layout.save()
    stop_daemons(layout)
    steps.run("keys, passwords, certificates", make_secrets, layout)
    conf.write_all(layout, ROOT)
    steps.run("two PostgreSQL clusters", databases, layout)
    steps.run("schema", schema, layout)
    steps.run("a page and a client", content, layout)
    steps.run("replication", install_replication, layout)
    steps.run("daemons", daemons, layout)
    steps.run("waiting until the pair serves", wait_serving, layout)
    steps.run(f"company \"{COMPANY['name']}\"", company, layout)
    print(f"up after {time.monotonic() - steps.begin:.0f} s\n")
    sys.stdout.flush()
