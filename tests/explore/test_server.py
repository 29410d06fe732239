"""The server: what it answers, to whom, and what it does when nobody waits any more."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from http.client import HTTPConnection

import numpy as np
import pytest

from felif.explore.jobs import prepare
from felif.explore.server import PAGE, Explorer, _listening, as_json


@pytest.fixture(scope="module")
def explorer():
    prepare()
    server = Explorer()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def asked(explorer, method, path, body=None, **headers):
    line = HTTPConnection("127.0.0.1", explorer.port, timeout=60)
    if isinstance(body, dict):
        body, headers = json.dumps(body), {"Content-Type": "application/json", **headers}
    line.request(method, path, body, headers)
    answer = line.getresponse()
    return answer, answer.read()


def question(number=1, tab="a", along=None, **setting):
    return {"tab": tab, "number": number, "setting": setting, "along": along}


def test_the_page_comes_from_here_and_may_load_nothing_from_elsewhere(explorer):
    for path in ("/", "/?model=NoisyLIF&b=2", *(f"/{file.name}" for file in PAGE.iterdir())):
        answer, body = asked(explorer, "GET", path)
        assert answer.status == 200, path
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
        assert b"http" not in body.replace(b"http://www.w3.org/2000/svg", b"")
    for path in ("/nothing.js", "/../server.py", "/%2e%2e/server.py"):
        assert asked(explorer, "GET", path)[0].status == 404
    choices = json.loads(asked(explorer, "GET", "/choices")[1])
    assert {"models", "drifts", "presets"} == set(choices)


def test_names_of_other_machines_are_refused(explorer):
    answer, body = asked(explorer, "GET", "/", Host="evil.example:5006")
    assert answer.status == 403
    assert b"localhost only" in body
    assert asked(explorer, "GET", "/", Host=f"localhost:{explorer.port}")[0].status == 200


def test_questions_that_are_no_questions_are_refused(explorer):
    assert asked(explorer, "POST", "/evolve", "b=1")[0].status == 400
    assert asked(explorer, "POST", "/evolve", {"setting": {}})[0].status == 400
    assert asked(explorer, "POST", "/nothing", question())[0].status == 404


def test_a_run_is_answered_with_null_for_what_is_infinite(explorer):
    answer, body = asked(explorer, "POST", "/evolve", question(b=0.5, t_end=1))
    found = json.loads(body)
    assert answer.status == 200
    assert found["rates"]["N"][0] is None
    assert found["final"]["N"] == found["rates"]["N"][-1]
    assert found["density"]["of"]["n"]["shape"] == [len(found["density"]["t"]), len(found["density"]["v"])]


def test_a_wrong_value_is_answered_with_the_sentence(explorer):
    found = json.loads(asked(explorer, "POST", "/evolve", question(2, a0="-1"))[1])
    assert found == {"problem": "NoisyLIF: a0 = -1.0; allowed is a positive number"}
    found = json.loads(asked(explorer, "POST", "/evolve", question(3, tau=1))[1])
    assert found["problem"].startswith("explore: NoisyLIF has no slider 'tau'")


def test_an_older_question_of_a_tab_is_taken_over(explorer):
    asked(explorer, "POST", "/evolve", question(7, tab="b", t_end=0.1))
    assert json.loads(asked(explorer, "POST", "/evolve", question(6, tab="b"))[1]) == {"taken_over": True}


def test_what_is_found_at_rest_comes_line_by_line_and_a_newer_question_ends_it(explorer):
    first = HTTPConnection("127.0.0.1", explorer.port, timeout=60)
    headers = {"Content-Type": "application/json"}
    first.request("POST", "/rest", json.dumps(question(along="strength", model="Populations")), headers)
    answer = first.getresponse()
    assert json.loads(answer.readline())["what"] == "states"
    job = explorer.jobs["a"]
    lines = asked(explorer, "POST", "/rest", question(b=1.5))[1].splitlines()
    assert [json.loads(line)["what"] for line in lines] == ["states", "spectrum", "spectrum", "done"]
    rest = [json.loads(line) for line in answer.read().splitlines()]
    assert job.stopped
    assert "done" not in [line["what"] for line in rest]
    assert explorer.jobs == {}
    lines = asked(explorer, "POST", "/rest", question(v_reset=5))[1].splitlines()
    assert "v_reset = 5.0 is not below v_fire" in json.loads(lines[0])["problem"]


def test_numbers_travel_whole_and_pictures_in_32_bits():
    assert json.loads(as_json({"x": np.array([0.1, np.nan]), "y": np.float64(1 / 3)})) == {"x": [0.1, None], "y": 1 / 3}
    assert json.loads(as_json({"n": np.zeros((2, 3))}))["n"]["shape"] == [2, 3]


def test_a_port_that_is_taken_is_said_and_none_asked_for_is_the_next_free_one(explorer):
    with pytest.raises(ValueError, match=f"explore: port {explorer.port} is taken; give a free one with --port"):
        _listening(explorer.port)
    with pytest.raises(ValueError, match="explore: port = 70000; allowed is a number from 0"):
        _listening(70000)
    one, two = _listening(None), _listening(None)
    assert two.port > one.port
    one.server_close()
    two.server_close()


def test_the_command_prints_the_address_and_ends_with_ctrl_c():
    arguments = ["explore", "RefractoryLIF", "--port", "0", "--no-browser"]
    code = f"import sys; from felif.study.cli import run; sys.exit(run({arguments}))"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    first = process.stdout.readline()
    assert first.startswith("felif explore: http://localhost:")
    assert "?model=RefractoryLIF" in first
    assert "ssh -L" in process.stdout.readline()
    os.kill(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert (process.returncode, error) == (0, "")
