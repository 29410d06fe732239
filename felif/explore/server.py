"""The page and what it asks for, over HTTP from this machine only, by the standard library."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import numpy as np

from .evolution import TakenOver, evolution
from .jobs import Job, prepare, problem
from .presets import PRESETS
from .setting import Setting
from .sliders import DRIFTS, KINDS, kind_of
from .tuning import SHOWN

PAGE = Path(__file__).with_name("page")
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
# everything the page needs comes from here: browsers refuse anything else
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
OWN = ("localhost", "127.0.0.1", "::1")


class Explorer(ThreadingHTTPServer):
    """The server of one `felif explore`, on 127.0.0.1; port 0 takes any free one."""

    daemon_threads = True
    allow_reuse_address = False

    def __init__(self, port: int = 0) -> None:
        self.computing = threading.Lock()
        self.newest: dict[str, int] = {}  # tab -> the number of its last question
        self.jobs: dict[str, Job] = {}
        self._tabs = threading.Lock()
        super().__init__(("127.0.0.1", port), Answers)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def address(self, model: str = "") -> str:
        return f"http://localhost:{self.port}/" + (f"?{urlencode({'model': model})}" if model else "")

    def begin(self, tab: str, asked: Mapping[str, Any], along: str | None, bounds: Any) -> Job:
        """The job of a tab, in place of the one it had."""
        with self._tabs:
            if before := self.jobs.get(tab):
                before.stop()
            job = self.jobs[tab] = Job(asked, along, bounds)
        return job

    def end(self, tab: str, job: Job) -> None:
        with self._tabs:
            if self.jobs.get(tab) is job:
                del self.jobs[tab]
        job.close()

    def server_close(self) -> None:
        super().server_close()
        with self._tabs:
            for job in self.jobs.values():
                job.stop()


class Answers(BaseHTTPRequestHandler):
    """GET: the files of the page and what there is to move. POST /evolve and /rest: numbers to draw, as JSON."""

    server: Explorer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if not self._from_here():
            return
        path = urlsplit(self.path).path
        if path == "/choices":
            self._json(choices())
            return
        name = "index.html" if path == "/" else path.removeprefix("/")
        files = {file.name: file for file in PAGE.iterdir()}
        if name not in files or files[name].suffix not in TYPES:
            self._send(404, "text/plain", f"There is no {path} here.".encode())
            return
        self._send(200, TYPES[files[name].suffix], files[name].read_bytes())

    def do_POST(self) -> None:
        if not self._from_here():
            return
        length = int(self.headers.get("Content-Length") or 0)
        if self.headers.get("Content-Type") != "application/json" or not 0 < length <= SHOWN.largest:
            self.close_connection = True
            self._send(400, "text/plain", b"Questions are JSON of moderate length.")
            return
        try:
            question = json.loads(self.rfile.read(length))
            tab, number, asked = str(question["tab"]), int(question["number"]), dict(question["setting"])
        except (ValueError, KeyError, TypeError):
            self._send(400, "text/plain", b"A question has a tab, a number and a setting.")
            return
        if self.path == "/evolve":
            self._json(self._evolve(tab, number, asked))
        elif self.path == "/rest":
            self._rest(tab, asked, question.get("along"), question.get("bounds"))
        else:
            self._send(404, "text/plain", f"There is no {self.path} here.".encode())

    def _evolve(self, tab: str, number: int, asked: Mapping[str, Any]) -> dict[str, Any]:
        newest = self.server.newest
        newest[tab] = max(number, newest.get(tab, 0))
        arrived = time.perf_counter()
        try:
            with self.server.computing:
                if newest[tab] != number:
                    raise TakenOver
                found = evolution(Setting.of(asked), wanted=lambda: newest[tab] == number)
        except TakenOver:
            return {"taken_over": True}
        except Exception as error:
            return problem(error)
        found["work"]["milliseconds"] = 1e3 * (time.perf_counter() - arrived)
        return found

    def _rest(self, tab: str, asked: Mapping[str, Any], along: Any, bounds: Any) -> None:
        """A line of JSON for everything that is found, as soon as it is."""
        job = self.server.begin(tab, asked, along, None if bounds is None else tuple(bounds))
        self.send_response(200)
        self._headers("application/x-ndjson")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            for what, found in job:
                self.wfile.write(as_json({"what": what, **found}) + b"\n")
        except OSError:  # the page has left
            pass
        finally:
            self.server.end(tab, job)

    def _from_here(self) -> bool:
        """Whether the page was asked for by a name of this machine: other names are other people's pages."""
        host = urlsplit(f"//{self.headers.get('Host', '')}").hostname
        if host in OWN:
            return True
        self.close_connection = True
        self._send(403, "text/plain", b"felif explore answers to localhost only; over ssh, forward its port.")
        return False

    def _json(self, found: Any) -> None:
        self._send(200, "application/json", as_json(found))

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self._headers(kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def _headers(self, kind: str) -> None:
        self.send_header("Content-Type", f"{kind}; charset=utf-8" if kind.startswith("text/") else kind)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")

    def log_message(self, *_: Any) -> None:
        """The terminal stays quiet."""


def choices() -> dict[str, Any]:
    """Everything that can be moved and chosen, as the page is built from it."""
    return {
        "models": {
            name: {"sliders": [asdict(slider) for slider in kind.sliders], "populations": kind.populations}
            for name, kind in KINDS.items()
        },
        "drifts": list(DRIFTS),
        "presets": [asdict(preset) for preset in PRESETS],
    }


def as_json(found: Any) -> bytes:
    """JSON as browsers read it: null for what is not finite, arrays of two dimensions as base64 of 32 bit numbers."""
    return json.dumps(_plain(found), allow_nan=False, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray) and value.ndim == 2:
        return {"shape": list(value.shape), "float32": b64encode(value.astype("<f4").tobytes()).decode()}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value


def serve(model: str = "NoisyLIF", port: int | None = None, browser: bool = True) -> None:
    """Serve the page until Ctrl-C. Raises ValueError for a model it cannot show and for a port that is taken."""
    kind_of(model)
    explorer = _listening(port)
    prepare()
    address = explorer.address(model)
    there = f"ssh -L {explorer.port}:localhost:{explorer.port} THIS_ONE"
    try:  # from the first word on, as that says that Ctrl-C ends it
        print(f"felif explore: {address}  (Ctrl-C ends it)", flush=True)
        print(f"From another computer: {there}, then the same address.", flush=True)
        if browser:
            import webbrowser

            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        explorer.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        print()
    finally:
        explorer.server_close()


def _listening(port: int | None) -> Explorer:
    if port is not None and not 0 <= port <= 65535:
        raise ValueError(f"explore: port = {port}; allowed is a number from 0 (any free one) to 65535")
    ports = range(5006, 5006 + SHOWN.ports) if port is None else (port,)
    for one in ports:
        try:
            return Explorer(one)
        except OSError:
            continue
    raise ValueError(f"explore: port {port or f'{ports[0]} to {ports[-1]}'} is taken; give a free one with --port")
