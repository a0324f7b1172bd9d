"""The browser of the tests itself: what the others' verdicts stand on."""
import http.server
import threading

import pytest

PAGE = b"""<!doctype html><html lang=en><title>t</title><main><h1>One</h1>
<label>Name <input id=name></label> <button id=go class="big">Go</button>
<p id=out></p></main><script>
go.onclick = () => { out.textContent = 'hello ' + document.querySelector(
'#name').value; document.cookie = 'a=b'; localStorage.c = 'd'; };
</script>"""
BAD = b"<!doctype html><title>t</title><img src=data:,><input>"


@pytest.fixture(scope="module")
def url():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = BAD if self.path == "/bad" else PAGE
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_mouse_keys_and_sight(browser, url):
    browser.open(url)
    browser.fill("#name", "you")
    browser.click("#go")
    browser.wait_text("#out", "hello you")
    browser.open(url)
    browser.tab_to("#name")
    browser.press("Z", "Tab")
    assert browser.focus() == "button#go.big"
    browser.press("Enter")
    browser.wait_text("#out", "hello Z")
    assert not browser.console() and browser.wide() == 0


def test_a_new_test_finds_nothing_of_the_last(browser, url):
    browser.open(url)
    assert browser.run("return [document.cookie, localStorage.c || '']") == \
        ["", ""]


def test_axe_sees_faults_and_only_those(browser, url):
    assert not browser.open(url).axe()
    faults = "\n".join(browser.open(url + "/bad").axe())
    assert "image-alt" in faults and "label" in faults


def test_no_other_host_is_reached(browser, url):
    browser.open(url)
    assert browser.run(
        "return fetch('http://example.com/').then(() => 'reached',"
        "e => 'not')") == "not"
