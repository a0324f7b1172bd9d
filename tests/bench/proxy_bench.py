"""The processes of tests/bench/proxy: three proxies, a site, an echo."""
import glob
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
PORT = int(os.environ.get("GSB_BENCH_PORT", "19100"))
SITE, ECHO = PORT, PORT + 1
# Each proxy's plain port; TLS is the next one, WebSockets the one after.
PORTS = {"ours": PORT + 10, "haproxy": PORT + 20, "tuned": PORT + 30,
         "nginx": PORT + 40}
NAMES = tuple(PORTS)
TOOLS = ("haproxy", "nginx", "wrk", "h2load", "taskset", "openssl")
LIBS = ["libuv", "libcurl", "libpq", "libwebsockets", "jansson", "expat",
        "openssl", "libnghttp2"]
PATHS = """client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2;
fastcgi_temp_path {dir}/t3; uwsgi_temp_path {dir}/t4;
scgi_temp_path {dir}/t5; keepalive_requests 1000000000; sendfile on;
keepalive_timeout 600s; access_log off;"""
SITE_CONF = """worker_processes 1; daemon off; pid {dir}/site.pid;
error_log {dir}/site.err; events {{ worker_connections 18000; }}
http {{ """ + PATHS + """ open_file_cache max=100;
server {{ listen 127.0.0.1:{site} backlog=4096; root {dir}/www; }} }}
"""
NGINX_CONF = """worker_processes 1; daemon off; pid {dir}/nginx.pid;
error_log {dir}/nginx.err; events {{ worker_connections 18000; }}
http {{ """ + PATHS + """
upstream site {{ server 127.0.0.1:{site}; keepalive 256;
  keepalive_requests 1000000000; }}
upstream echo {{ server 127.0.0.1:{echo}; }}
proxy_http_version 1.1; proxy_buffering on;
ssl_certificate {dir}/pem; ssl_certificate_key {dir}/pem;
server {{ listen 127.0.0.1:{plain} backlog=4096;
  listen 127.0.0.1:{tls} ssl http2 backlog=4096;
  http2_max_requests 1000000000;
  location / {{ proxy_pass http://site; proxy_set_header Connection "";
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $remote_addr; }} }}
server {{ listen 127.0.0.1:{ws} backlog=4096;
  location / {{ proxy_pass http://echo; proxy_read_timeout 600s;
    proxy_set_header Connection Upgrade;
    proxy_set_header Upgrade websocket; }} }} }}
"""
HAPROXY_CONF = """global
  nbthread 1
  maxconn 9000
{log}
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout tunnel 600s
  option forwardfor
  http-reuse always
{option}
frontend f
  bind 127.0.0.1:{plain}
  bind 127.0.0.1:{tls} ssl crt {dir}/pem alpn h2,http/1.1
  default_backend b
frontend w
  bind 127.0.0.1:{ws}
  default_backend e
backend b
  server s 127.0.0.1:{site}
backend e
  server s 127.0.0.1:{echo}
"""


def missing():
    return [t for t in TOOLS if shutil.which(t) is None]


def compile_all(folder, to):
    """The driver (our data plane alone) and the WebSocket echo."""
    run = subprocess.run
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        run(["cmake", "-S", ROOT, "-B", folder, "-G", "Ninja",
             "-DCMAKE_BUILD_TYPE=Release"], check=True,
            stdout=subprocess.DEVNULL)
    archives = [f"lib{n}.a" for n in ("proxy", "io", "http", "base")]
    run(["ninja", "-C", folder, *archives], check=True,
        stdout=subprocess.DEVNULL)
    libs = subprocess.check_output(["pkg-config", "--libs", *LIBS],
                                   text=True).split()
    gcc = ["gcc", "-O2", "-g", "-D_GNU_SOURCE", f"-I{ROOT}", f"-I{ROOT}/lib"]
    # As CMakeLists.txt links gsb-proxy.
    run([*gcc, "-flto=auto", f"{ROOT}/tests/bench/driver.c",
         *[os.path.join(folder, a) for a in archives], *libs, "-linih", "-lm",
         "-lpthread", "-o", f"{to}/driver"], check=True)
    run([*gcc, f"{ROOT}/tests/bench/echo.c", "-o", f"{to}/echo"], check=True)


class Proxy:
    """A running one, by name; its ports are fixed."""
    def __init__(self, bench, name, command):
        self.name = name
        self.plain = PORTS[name]
        self.tls, self.ws = self.plain + 1, self.plain + 2
        self.process = bench.start(command, self.plain)

    def cpu_us(self):
        """Spent so far, user and kernel, all threads."""
        total = 0
        for pid in self.pids():
            for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
                with open(path, encoding="ascii") as f:
                    total += int(f.read().split()[0])
        return total / 1e3

    def pids(self):
        """The process and its children (nginx has a worker)."""
        pid = self.process.pid
        path = f"/proc/{pid}/task/{pid}/children"
        with open(path, encoding="ascii") as f:
            return [pid, *map(int, f.read().split())]

    def resident_kib(self):
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/status", encoding="ascii") as f:
                for text in f:
                    if text.startswith("RssAnon:"):
                        total += int(text.split()[1])
        return total


class Bench:
    def __init__(self, folder, quick):
        self.dir = tempfile.mkdtemp(prefix="gsb-bench-")
        self.quick = quick
        self.started = []
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, hard), hard))
        compile_all(os.path.abspath(folder), self.dir)
        os.mkdir(os.path.join(self.dir, "www"))
        for name, size in (("1k", 1024), ("64k", 65536), ("1m", 1048576)):
            self.write(f"www/{name}", os.urandom(size))
        self.certificate()
        self.write("site.conf", SITE_CONF.format(dir=self.dir, site=SITE))
        os.chmod(self.dir, 0o755)
        self.start(["nginx", "-c", f"{self.dir}/site.conf"], SITE)
        self.start([f"{self.dir}/echo", "serve", str(ECHO)], None)

    def write(self, name, data):
        mode = "wb" if isinstance(data, bytes) else "w"
        with open(os.path.join(self.dir, name), mode) as f:
            f.write(data)

    def certificate(self):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
             "/CN=localhost", "-keyout", f"{self.dir}/key", "-out",
             f"{self.dir}/crt"], check=True, stderr=subprocess.DEVNULL)
        with open(f"{self.dir}/crt", "rb") as crt, \
                open(f"{self.dir}/key", "rb") as key:
            self.write("pem", crt.read() + key.read())
        os.chmod(f"{self.dir}/pem", 0o600)

    def start(self, command, port):
        p = subprocess.Popen(["taskset", "-c", "0", *command],
                             stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
        self.started.append(p)
        end = time.monotonic() + 60
        while port is not None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/1k").read()
                break
            except OSError as e:
                if p.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"{command} did not start") from e
                time.sleep(0.05)
        return p

    def stop(self, p):
        p.send_signal(signal.SIGTERM)
        try:
            p.wait(5)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
        self.started.remove(p)

    def proxy(self, name, log=False, workers=1, tool=()):
        ports = {"dir": self.dir, "site": SITE, "echo": ECHO,
                 "plain": PORTS[name], "tls": PORTS[name] + 1,
                 "ws": PORTS[name] + 2}
        if name == "ours":
            command = [f"{self.dir}/driver", f"127.0.0.1:{ports['plain']}",
                       f"127.0.0.1:{SITE}", str(workers),
                       f"{self.dir}/access.log" if log else "",
                       f"127.0.0.1:{ports['ws']}", f"127.0.0.1:{ECHO}",
                       f"127.0.0.1:{ports['tls']}", f"{self.dir}/pem"]
        elif name == "nginx":
            self.write("nginx.conf", NGINX_CONF.format(**ports))
            command = ["nginx", "-c", f"{self.dir}/nginx.conf"]
        else:
            self.write(name + ".cfg", HAPROXY_CONF.format(
                log="  log stdout format raw local0" if log else "",
                option="  option httplog\n  log global" if log else "",
                **ports))
            tune = ["-dMno-tag,global"] if name == "tuned" else []
            command = ["haproxy", *tune, "-db", "-f",
                       f"{self.dir}/{name}.cfg"]
        return Proxy(self, name, [*tool, *command])

    def close(self):
        for p in list(self.started):
            self.stop(p)
        shutil.rmtree(self.dir)
