"""The rows of tests/bench/proxy. A row: name, unit, value by proxy, ratio."""
import os
import re
import shutil
import socket
import ssl
import subprocess

import proxy_bench

BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 "
                  "(KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,"
              "image/avif,image/webp,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.9,de;q=0.8",
    "Accept-Encoding": "gzip, deflate, br",
    "Cookie": "session=" + "0123456789abcdef" * 12,
    "Referer": "https://shared.example/acme/j.php?MTID=m0123456789",
    "Sec-Fetch-Mode": "navigate",
}
UNITS = {"us": 1, "ms": 1e3, "s": 1e6}


def row(name, unit, values, better="lower"):
    ours, peer = values.get("ours"), values.get("haproxy")
    return {"name": name, "unit": unit, "values": values, "better": better,
            "ours": ours, "peer": peer,
            "ratio": ours / peer if ours and peer else None}


def on_core(command):
    return subprocess.check_output(["taskset", "-c", "0", *command],
                                   text=True)


def duration(text, label):
    value, unit = re.search(label + r"\s+([\d.]+)(us|ms|s)", text).groups()
    return float(value) * UNITS[unit]


def by_wrk(port, seconds, path, connections, headers):
    """Requests, p50, p99 in microseconds, seconds."""
    extra = [x for k, v in headers.items() for x in ("-H", f"{k}: {v}")]
    out = on_core(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s",
                   "--latency", *extra, f"http://127.0.0.1:{port}/{path}"])
    if "Non-2xx" in out or "Socket errors" in out:
        raise RuntimeError(out)
    n, time, unit = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m)",
                              out).groups()
    return int(n), duration(out, "50%"), duration(out, "99%"), \
        float(time) * {"ms": 1e-3, "s": 1, "m": 60}[unit]


def by_h2load(port, seconds, extra):
    out = on_core(["h2load", "-t1", *extra, f"-D{seconds}",
                   f"https://127.0.0.1:{port}/1k"])
    n, bad = re.search(r"requests: .* (\d+) succeeded, (\d+) failed",
                       out).groups()
    if int(bad) > 0 or int(n) == 0:
        raise RuntimeError(out)
    return int(n), duration(out, r"time for request:\s+\S+\s+\S+"), None, \
        seconds


def by_echo(bench, port, seconds):
    out = on_core([f"{bench.dir}/echo", "ask", str(port), "64", str(seconds),
                   "/acme/ws/P/1"])
    n, p50, p99 = out.split()
    return int(n), float(p50), float(p99), seconds


def alternate(bench, names, start, load):
    """{proxy: {cpu, p50, p99, rate}}, the cheapest of several runs."""
    rounds, seconds = (2 if bench.quick else 10), 1
    proxies = [start(n) for n in names]
    best = {n: {} for n in names}
    for _ in range(rounds):
        for p in proxies:
            before = p.cpu_us()
            n, p50, p99, spent = load(p, seconds)
            now = {"cpu": (p.cpu_us() - before) / n, "p50": p50, "p99": p99,
                   "rate": -n / spent}
            for key, value in now.items():
                if value is not None:
                    best[p.name][key] = min(value, best[p.name].get(
                        key, value))
    for p in proxies:
        bench.stop(p.process)
    return best


def rows_of(name, best):
    def pick(key):
        return {n: abs(v[key]) for n, v in best.items() if key in v}
    yield row(name + ", CPU", "us", pick("cpu"))
    if any("p50" in v for v in best.values()):
        yield row(name + ", p50", "us", pick("p50"))
    if any("p99" in v for v in best.values()):
        yield row(name + ", p99", "us", pick("p99"))
    yield row(name + ", rate", "/s", pick("rate"), "higher")


def plain_cases():
    for size, path in (("1 KiB", "1k"), ("64 KiB", "64k"), ("1 MiB", "1m")):
        for n in (1, 64, 256):
            yield f"{size}, {n} conn.", path, n, {}, False
    yield "1 KiB, 64 conn., logged", "1k", 64, {}, True
    yield "browser's head, 64 conn.", "1k", 64, BROWSER, False
    yield "new connections", "1k", 64, {"Connection": "close"}, False


def http1(bench, name, case):
    _, path, n, headers, log = case
    names = [p for p in proxy_bench.NAMES if p != "nginx" or not log]
    yield from rows_of(name, alternate(
        bench, names, lambda p: bench.proxy(p, log),
        lambda p, s: by_wrk(p.plain, s, path, n, headers)))


# h2load's words: HTTP/1.1, one stream, ten streams, no connection kept.
TLS = (("TLS 1 KiB, 64 conn.", ["--h1", "-c64"]),
       ("TLS HTTP/2 1 KiB, 64x1", ["-c64", "-m1"]),
       ("TLS HTTP/2 1 KiB, 8x10", ["-c8", "-m10"]))


def tls(bench, name, extra):
    yield from rows_of(name, alternate(
        bench, proxy_bench.NAMES, bench.proxy,
        lambda p, s: by_h2load(p.tls, s, extra)))


def by_s_time(port, seconds):
    out = on_core(["openssl", "s_time", "-connect", f"127.0.0.1:{port}",
                   "-new", "-www", "/1k", "-time", str(seconds)])
    n, real = re.search(r"(\d+) connections in (\d+) real seconds",
                        out).groups()
    return int(n), None, None, int(real)


def tls_new(bench, name):
    yield from rows_of(name, alternate(
        bench, proxy_bench.NAMES, bench.proxy,
        lambda p, s: by_s_time(p.tls, s)))


def websockets(bench, name):
    yield from rows_of(name, alternate(
        bench, proxy_bench.NAMES, bench.proxy,
        lambda p, s: by_echo(bench, p.ws, s)))


def idle_memory(bench, name):
    """KiB for each connection that has had one request and stays."""
    n = 1000 if bench.quick else 5000
    values = {}
    for p in map(bench.proxy, proxy_bench.NAMES):
        before = p.resident_kib()
        held = subprocess.Popen(
            [f"{bench.dir}/echo", "hold", str(p.plain), str(n), "/1k"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if held.stdout.readline() != "open\n":
            raise RuntimeError("connections cannot be opened")
        values[p.name] = (p.resident_kib() - before) / n
        held.communicate("")
        bench.stop(p.process)
    yield row(name, "KiB/conn.", values)


def open_tls(context, port):
    s = context.wrap_socket(socket.create_connection(("127.0.0.1", port)))
    s.sendall(b"GET /1k HTTP/1.1\r\nHost: x\r\n\r\n")
    if not s.recv(65536).startswith(b"HTTP/1.1 200"):
        raise RuntimeError("no answer over TLS")
    return s


def idle_memory_tls(bench, name):
    n = 300 if bench.quick else 2000
    values = {}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for p in map(bench.proxy, proxy_bench.NAMES):
        open_tls(context, p.tls).close()  # what is made once is there then
        before = p.resident_kib()
        held = [open_tls(context, p.tls) for _ in range(n)]
        values[p.name] = (p.resident_kib() - before) / n
        for s in held:
            s.close()
        bench.stop(p.process)
    yield row(name, "KiB/conn.", values)


def callgrind(bench, name, workers=1):
    """User instructions per request of 1 KiB on a kept connection."""
    counts = []
    few, many = (500, 3000) if bench.quick else (2000, 12000)
    for n in (few, many):
        out = os.path.join(bench.dir, "callgrind.out")
        p = bench.proxy(name, name != "nginx", workers, (
            "valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"))
        url = f"http://127.0.0.1:{p.plain}/1k"
        subprocess.run(["ab", "-q", "-k", "-c", "32", "-n", str(n), url],
                       check=True, stdout=subprocess.DEVNULL)
        bench.stop(p.process)
        with open(out, encoding="utf-8") as f:
            counts.append(int(re.search(r"^(?:summary|totals): (\d+)",
                                        f.read(), re.M).group(1)))
    return (counts[1] - counts[0]) / (many - few)


def instructions(bench, name):
    yield row(name, "instr.", {p: callgrind(bench, p) for p in
                               ("ours", "haproxy", "tuned")})


def two_workers(bench, name):
    """The peer is ourselves with one."""
    yield row(name, "instr.", {"ours": callgrind(bench, "ours", 2),
                               "haproxy": callgrind(bench, "ours")})


def measure(bench, only):
    def wanted(name):
        return not only or any(text in name for text in only)
    for case in plain_cases():
        if wanted(case[0]):
            yield from http1(bench, case[0], case)
    for name, extra in TLS:
        if wanted(name):
            yield from tls(bench, name, extra)
    others = [("TLS new connections", tls_new),
              ("WebSocket message", websockets),
              ("memory, idle connection", idle_memory),
              ("memory, idle TLS connection", idle_memory_tls)]
    if shutil.which("valgrind") and shutil.which("ab"):
        others += [("user instructions, logged", instructions),
                   ("2 workers to our 1", two_workers)]
    for name, case in others:
        if wanted(name):
            yield from case(bench, name)
