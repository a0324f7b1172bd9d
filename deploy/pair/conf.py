"""The configurations of a demo's programs, and --set over them."""
import os

from layout import NAMES, SITES, Fault

PROGRAMS = ("primary", "backup", "replicator", "proxy")


def parse_set(text):
    """PROGRAM.SECTION.KEY=VALUE -> (program, section, key, value)."""
    where, equals, value = text.partition("=")
    parts = where.split(".", 2)
    if not equals or len(parts) != 3 or not all(parts):
        raise Fault(f"--set {text}: write PROGRAM.SECTION.KEY=VALUE, for "
                    "example proxy.failover.stable=5s")
    if parts[0] not in PROGRAMS + NAMES:
        raise Fault(f"--set {text}: \"{parts[0]}\" is no program; one of "
                    f"{', '.join(PROGRAMS)}, or one of {', '.join(NAMES)}")
    return parts[0], parts[1], parts[2], value


def meant(program, name):
    """Whether settings of a program go to the daemon of this name."""
    site, _, part = name.partition("-")
    if program == name:
        return True
    if program in SITES:
        return site == program and part in ("web", "collab")
    return program == "replicator" and part == "replicator"


def at(port):
    return f"127.0.0.1:{port}"


def site_conf(layout, site):
    return {
        "site": {"public_url": layout.url(),
                 "state_dir": layout.path("state", site)},
        "keys": {"file": layout.path("secret", "pair.keys")},
        "db": {"conninfo": layout.conninfo(site, "gsb_site"), "pool": "8"},
        "web": {"listen": at(layout.port_of(f"{site}-web"))},
        "collab": {
            "listen": at(layout.port_of(f"{site}-collab")),
            "health_listen": at(layout.port_of(f"{site}-collab-health"))},
    }


def replicator_conf(layout, site):
    peer = SITES[1 - SITES.index(site)]
    conf = {
        "replicator": {
            "site": site,
            "local": layout.conninfo(site, "gsb_replicator"),
            "peer": layout.conninfo(peer, "gsb_replicator", local=False),
            "admin": layout.conninfo(site, "postgres"),
            "tables": layout.path("conf", "tables.ini"),
            "sync": "on",
            "state_dir": layout.path("state", f"{site}-replicator")},
        "status": {"listen": at(layout.port_of(f"{site}-replicator"))},
    }
    if site == "backup":  # the daily copy comes from the primary
        conf["keys"] = {"file": layout.path("secret", "pair.keys")}
        conf["copy"] = {"url": f"http://{at(layout.port_of('primary-web'))}",
                        "dir": layout.path("state", "backup", "files"),
                        "socket": layout.copy_socket()}
    return conf


def proxy_conf(layout):
    conf = {
        "proxy": {
            "listen": at(layout.port),
            "tls_listen": at(layout.port_of("proxy-tls")),
            "metrics_listen": at(layout.port_of("proxy-metrics")),
            "public_url": layout.url(),
            "state_dir": layout.path("state", "proxy"),
            "admin": layout.admin_socket()},
        "keys": {"file": layout.path("secret", "pair.keys")},
        "tls": {"certificates": layout.path("secret", "proxy.pem")},
        "dashboard": {"listen": at(layout.port_of("proxy-dashboard")),
                      "token_file": layout.dashboard_token()},
        "access_log": {"file": layout.path("log", "access"),
                       "format": "json"},
    }
    for site in SITES:
        conf[site] = {
            "web": at(layout.port_of(f"{site}-web")),
            "collab": at(layout.port_of(f"{site}-collab")),
            "collab_health": at(layout.port_of(f"{site}-collab-health"))}
    return conf


def base_conf(layout, name):
    site, _, part = name.partition("-")
    if name == "proxy":
        return proxy_conf(layout)
    if part == "replicator":
        return replicator_conf(layout, site)
    return site_conf(layout, site)


def render(conf):
    blocks = []
    for section, keys in conf.items():
        lines = [f"[{section}]"] + [f"{k} = {v}" for k, v in keys.items()]
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def settings_of(layout, name):
    """What --set says to a daemon: [(section, key, value)]."""
    parsed = [parse_set(text) for text in layout.sets]
    return [rest for program, *rest in parsed if meant(program, name)]


def write(layout, name):
    conf = base_conf(layout, name)
    for section, key, value in settings_of(layout, name):
        conf.setdefault(section, {})[key] = value
    layout.write(f"conf/{name}.conf", render(conf), 0o640)


def write_all(layout, root):
    with open(os.path.join(root, "lib/site/schema/tables.ini"),
              encoding="utf-8") as f:
        layout.write("conf/tables.ini", f.read())
    for name in NAMES:
        if not name.endswith("-db"):
            write(layout, name)


def database_settings(layout, name):
    """--set primary-db.postgresql.fsync=off and its like."""
    found = {}
    for section, key, value in settings_of(layout, name):
        if section != "postgresql":
            raise Fault(f"--set {name}.{section}.{key}: the one section of a "
                        "database is \"postgresql\"")
        found[key] = value
    return found
