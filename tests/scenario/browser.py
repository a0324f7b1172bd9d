"""Headless Chromium, for what people see and do (fixtures in conftest.py).

    browser         the session's, clean before each test: no cookies, no
                    storage, one window of 1280 x 800, light
    make_browser    make_browser(): another one, for a second person

It reaches loopback only: no other name resolves, and nothing that Chromium
does of its own accord is on (it looks whether there is a route for IPv6, by
a UDP socket that sends nothing). All of its processes end with it.
"""
import glob
import os
import shutil
import signal
import subprocess
import tempfile

import pytest
from selenium import webdriver
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.chromium.remote_connection import (
    ChromiumRemoteConnection)
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.file_detector import UselessFileDetector
from selenium.webdriver.support.ui import Select

from wait import wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
SCREENSHOTS = os.path.join(ROOT, "build", "screenshots")
AXE = os.path.join(ROOT, "build", "axe", "axe-*.js")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
    "--force-device-scale-factor=1", "--window-size=1280,800",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, "
    "EXCLUDE localhost",
    "--disable-background-networking", "--disable-component-update",
    "--disable-default-apps", "--disable-domain-reliability",
    "--disable-sync", "--disable-extensions", "--disable-breakpad",
    "--disable-client-side-phishing-detection", "--no-pings",
    "--disable-quic", "--metrics-recording-only",
    "--password-store=basic", "--use-mock-keychain",
    "--disable-features=OptimizationHints,MediaRouter,Translate,"
    "AutofillServerCommunication,CertificateTransparencyComponentUpdater,"
    "NetworkTimeServiceQuerying,DialMediaRouteProvider",
)
PHONE = (360, 740)
DESK = (1280, 800)


class Browser:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="gsb-browser-")
        self.server = self.driver = None
        try:
            self.begin()
        except BaseException:
            self.end()
            raise

    def begin(self):
        # port 0: the driver picks a free one and says which
        said = os.path.join(self.dir, "driver")
        with open(said, "wb") as out:
            self.server = subprocess.Popen(
                ["/usr/bin/chromedriver", "--port=0",
                 "--log-path=" + os.path.join(self.dir, "driver.log")],
                stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, start_new_session=True,
                env={**os.environ, "HOME": self.dir, "TMPDIR": self.dir,
                     "XDG_CONFIG_HOME": self.dir, "XDG_CACHE_HOME": self.dir})

        def port():
            with open(said, encoding="utf-8", errors="replace") as f:
                _, _, rest = f.read().partition("successfully on port ")
            return int(rest.split(".")[0]) if "." in rest else None

        options = webdriver.ChromeOptions()
        for flag in FLAGS:
            options.add_argument(flag)
        options.add_argument("--user-data-dir=" +
                             os.path.join(self.dir, "profile"))
        options.accept_insecure_certs = True
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Remote(ChromiumRemoteConnection(
            f"http://127.0.0.1:{wait_until(port, 60)}", "goog", "chrome"),
            options=options)
        self.driver.set_page_load_timeout(60)
        # files to upload are where Chromium is
        self.driver.file_detector = UselessFileDetector()

    def end(self):
        """Once is enough, twice does no harm."""
        driver, self.driver = self.driver, None
        try:
            if driver is not None:
                driver.quit()
        except Exception:  # pylint: disable=broad-except
            pass  # it died before: what is left of it is ended below
        if self.server is not None:
            self.server.terminate()
            try:
                self.server.wait(10)
            except subprocess.TimeoutExpired:
                self.server.kill()
                self.server.wait()
        # Chromium's own take a moment to follow; ours are known by the profile
        try:
            wait_until(lambda: not self.processes(), 10)
        except AssertionError:
            for pid in self.processes():
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.dir, ignore_errors=True)

    def processes(self):
        found = []
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path, "rb") as f:
                    if self.dir.encode() in f.read():
                        found.append(int(path.split("/")[2]))
            except OSError:
                pass
        return found

    # --- how it is -----------------------------------------------------------

    def cdp(self, command, **parameters):
        """A command of Chromium's own protocol."""
        return self.driver.execute("executeCdpCommand", {
            "cmd": command, "params": parameters})["value"]

    def clean(self):
        """As new, whatever a test before did."""
        first, *others = self.driver.window_handles
        for window in others:
            self.driver.switch_to.window(window)
            self.driver.close()
        self.driver.switch_to.window(first)
        self.driver.get("about:blank")
        self.cdp("Network.clearBrowserCookies")
        self.cdp("Network.clearBrowserCache")
        self.cdp("Storage.clearDataForOrigin", origin="*",
                 storageTypes="all")
        self.size(*DESK)
        self.scheme("light")
        self.driver.get_log("browser")
        return self

    def size(self, width, height):
        """Of the page, in CSS pixels; PHONE and DESK are two."""
        self.cdp("Emulation.setDeviceMetricsOverride", width=width,
                 height=height, deviceScaleFactor=1, mobile=False)

    def scheme(self, name):
        """"light" or "dark", as the system would prefer it."""
        self.cdp("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": name}])

    # --- seeing --------------------------------------------------------------

    def open(self, url):
        self.driver.get(url)
        return self

    def run(self, script, *arguments):
        """The value that the JavaScript function body returns."""
        return self.driver.execute_script(script, *arguments)

    def find(self, css):
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def shown(self, css):
        """Is there such an element, to be seen?"""
        return any(e.is_displayed() for e in self.all(css))

    def wait(self, condition, timeout=60, what=None):
        """Until condition() is true, or the element of that selector is
        shown."""
        if isinstance(condition, str):
            return wait_until(lambda: self.shown(condition), timeout,
                              what=what or f"{condition} to be seen")
        return wait_until(condition, timeout, what=what)

    def text(self, css):
        """As a person reads it, of the first such element."""
        return self.find(css).text

    def wait_text(self, css, part, timeout=60):
        return wait_until(lambda: part in self.text(css), timeout,
                          what=f"\"{part}\" in {css}")

    def console(self):
        """What the page's console said since the last call, that is no good:
        faults of scripts, refusals of the content policy, failed loads."""
        return [line["message"] for line in self.driver.get_log("browser")
                if line["level"] in ("SEVERE", "WARNING")]

    def wide(self):
        """How many pixels of the page stand out at its right."""
        return self.run("const d = document.documentElement;"
                        "return d.scrollWidth - d.clientWidth;")

    def screenshot(self, name):
        """The whole page, in build/screenshots/NAME.png."""
        os.makedirs(SCREENSHOTS, exist_ok=True)
        path = os.path.join(SCREENSHOTS, name + ".png")
        width, height = self.run(
            "return [innerWidth, Math.max(innerHeight,"
            "document.documentElement.scrollHeight)]")
        before = self.run("return innerHeight")
        self.size(width, height)
        self.driver.get_screenshot_as_file(path)
        self.size(width, before)
        return path

    def axe(self):
        """The serious and critical faults of accessibility that axe-core sees
        in the page as it stands, each as a line; none is good."""
        files = glob.glob(AXE)
        if not files:
            pytest.skip("no axe-core in build/axe: deploy/packages tests")
        with open(files[0], encoding="utf-8") as f:
            self.cdp("Runtime.evaluate", expression=f.read())
        found = self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "axe.run().then(r => done(r.violations),"
            "e => done([{impact: 'critical', id: String(e), nodes: []}]));")
        return [f"{v['id']} ({v['impact']}): {v.get('help', '')}: " +
                "; ".join(n["html"][:120] for n in v["nodes"][:3])
                for v in found if v["impact"] in ("serious", "critical")]

    # --- doing ---------------------------------------------------------------

    def click(self, css):
        """With the mouse, once it is there to be clicked."""
        def clicked():
            self.find(css).click()
            return True
        return wait_until(clicked, 60, what=f"{css} to be clicked")

    def fill(self, css, text):
        element = self.find(css)
        element.clear()
        element.send_keys(text)

    def choose(self, css, value):
        """An option of a select."""
        Select(self.find(css)).select_by_value(value)

    def press(self, *keys):
        """On the keyboard, wherever the focus is: "Tab", "Enter", "text"."""
        chain = ActionChains(self.driver)
        for key in keys:
            chain.send_keys(getattr(Keys, key.upper(), key)
                            if len(key) > 1 else key)
        chain.perform()

    def focus(self):
        """The selector-like words of what has the focus: tag#id.class"""
        return self.run(
            "const e = document.activeElement;"
            "return e.tagName.toLowerCase() + (e.id ? '#' + e.id : '') +"
            "[...e.classList].map(c => '.' + c).join('')")

    def tab_to(self, css, limit=200):
        """Presses Tab until the focus is on such an element."""
        for _ in range(limit):
            if self.run("return document.activeElement.matches(arguments[0])",
                        css):
                return
            self.press("Tab")
        raise AssertionError(f"Tab does not come to {css}")
