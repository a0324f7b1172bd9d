"""Where a demo keeps what: folders, ports, names, settings.

    DIR/demo.json            port, build, settings of this demo
    DIR/pid/NAME             process ids      DIR/log/NAME      logs
    DIR/conf/NAME.conf       configurations   DIR/secret/       0600 files
    DIR/db/NAME              database files   DIR/sock/         their sockets
    DIR/state/               what the daemons keep, the admin socket
"""
import json
import os
import pwd

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
SITES = ("primary", "backup")
NAMES = tuple(f"{site}-{part}" for site in SITES
              for part in ("db", "replicator", "web", "collab")) + ("proxy",)
BUILDS = {"Release": "release", "Debug": "debug", "ASan": "asan"}
PROGRAMS = ("gsb-primary", "gsb-backup", "gsb-replicator", "gsb-proxy",
            "gsbctl")
DEFAULT_PORT = 8080
COMPANY = {"name": "acme", "site_id": "243585", "partner_id": "acme-partner",
           "admin": "admin"}
# sun_path holds 107 characters; the longest socket is sock/.s.PGSQL.NNNNN.lock
LONGEST_DIR = 107 - len("/sock/.s.PGSQL.65535.lock")


class Fault(Exception):
    """Something to tell the user: what, where, what to do."""


def default_dir(port):
    if os.geteuid() == 0:
        base = "/var/lib"  # postgres must reach it: never below /root
    else:
        base = os.environ.get("XDG_STATE_HOME") or \
            os.path.expanduser("~/.local/state")
    name = "gsb-demo" if port == DEFAULT_PORT else f"gsb-demo-{port}"
    return os.path.join(base, name)


def postgres_user():
    """Who runs the database servers: (user name or None for oneself)."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        raise Fault("user \"postgres\" is missing; it comes with package "
                    "postgresql-15: deploy/packages run") from None
    return "postgres"


class Layout:
    def __init__(self, folder, port):
        self.dir = os.path.abspath(folder or default_dir(port or DEFAULT_PORT))
        self.port = port or DEFAULT_PORT
        self.build = "Release"
        self.bin = ""
        self.sets = []
        self.known = False
        if len(self.dir) > LONGEST_DIR:
            raise Fault(f"--dir {self.dir}: {len(self.dir)} characters; "
                        f"sockets must fit below it: at most {LONGEST_DIR}")
        self.load(port)

    def load(self, port):
        try:
            with open(self.path("demo.json"), encoding="utf-8") as f:
                kept = json.load(f)
        except FileNotFoundError:
            return
        except PermissionError:
            raise Fault(f"{self.dir} belongs to another user; run as that "
                        "user, or choose another --dir") from None
        self.known = True
        if port not in (None, kept["port"]):
            raise Fault(f"the demo in {self.dir} has port {kept['port']}, not "
                        f"{port}: deploy/demo down it first, or choose "
                        "another --dir")
        self.port, self.build = kept["port"], kept["build"]
        self.bin, self.sets = kept["bin"], kept["sets"]

    def save(self):
        text = json.dumps({"port": self.port, "build": self.build,
                           "bin": self.bin, "sets": self.sets}, indent=1)
        self.write("demo.json", text + "\n")
        self.known = True

    def need(self):
        if not self.known:
            raise Fault(f"no demo in {self.dir}; make one by deploy/demo up, "
                        "or name its --dir or --port")

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def write(self, name, text, mode=0o644):
        """Whole or not at all, and never readable by more than mode."""
        path = self.path(name)
        new = f"{path}.new"
        if os.path.exists(new):
            os.remove(new)
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode),
                  "w", encoding="utf-8") as f:
            f.write(text)
        os.replace(new, path)
        return path

    def folders(self):
        os.makedirs(self.dir, mode=0o755, exist_ok=True)
        for name in ("pid", "log", "conf", "db", "state"):
            os.makedirs(self.path(name), exist_ok=True)
        for name in ("primary", "backup", "primary-replicator",
                     "backup-replicator", "proxy"):
            os.makedirs(self.path("state", name), mode=0o700, exist_ok=True)
        os.makedirs(self.path("secret"), mode=0o700, exist_ok=True)

    # --- ports -----------------------------------------------------------

    def port_of(self, what):
        base = {"proxy": 0, "proxy-tls": 1, "proxy-metrics": 2,
                "proxy-dashboard": 3}
        if what in base:
            return self.port + base[what]
        site, _, part = what.partition("-")
        parts = ("web", "collab", "collab-health", "db", "replicator")
        return self.port + 10 * (1 + SITES.index(site)) + parts.index(part)

    def ports(self):
        """Every port of the demo -> what listens there."""
        named = ["proxy", "proxy-tls", "proxy-metrics", "proxy-dashboard"] + [
            f"{site}-{part}" for site in SITES for part in
            ("web", "collab", "collab-health", "db", "replicator")]
        return {self.port_of(what): what for what in named}

    # --- what others need to know ------------------------------------------

    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def dashboard_url(self):
        """Empty: --set has switched it off."""
        at = f"127.0.0.1:{self.port_of('proxy-dashboard')}"
        for text in self.sets:
            where, _, value = text.partition("=")
            if where == "proxy.dashboard.listen":
                at = value
        return at and f"http://{at}/"

    def dashboard_token(self):
        return self.path("secret", "dashboard-token")

    def conninfo(self, site, role, local=True, database="gsb"):
        host = self.path("sock") if local else "127.0.0.1"
        return (f"host={host} port={self.port_of(site + '-db')} "
                f"dbname={database} user={role} "
                f"passfile={self.path('secret', site + '-' + role)}.pgpass")

    def admin_socket(self):
        return self.path("state", "proxy", "admin.sock")

    def copy_socket(self):
        return self.path("state", "backup-replicator", "copy.sock")

    def env(self):
        return {
            "GSB_URL": self.url(),
            "GSB_TLS_URL": f"https://127.0.0.1:{self.port_of('proxy-tls')}",
            "GSB_CA": self.path("conf", "ca.pem"),
            "GSB_RUN": self.dir,
            "GSB_PRIMARY_DB": self.conninfo("primary", "postgres", False),
            "GSB_BACKUP_DB": self.conninfo("backup", "postgres", False),
            "GSB_CTL": self.admin_socket(),
            "GSB_COPY_CTL": self.copy_socket(),
            "GSB_DASHBOARD_URL": self.dashboard_url(),
            "GSB_DASHBOARD_TOKEN_FILE": self.dashboard_token(),
            "GSB_BIN": self.bin,
            "GSB_COMPANY": COMPANY["name"],
            "GSB_ADMIN": COMPANY["admin"],
            "GSB_ADMIN_PASSWORD_FILE": self.path("secret", "acme-admin"),
        }
