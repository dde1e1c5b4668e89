"""A reasoner's server that fails is asked again within bounds, then ends in one typed error.

The real client talks to a server on this machine; no test waits, since the clock and the sleep of
the client are the test's own, but where a server is to fall silent.
"""

from __future__ import annotations

import logging
import shutil
import ssl
import subprocess
import time
import traceback

import pytest
from pydantic import SecretStr

from eoagent.contracts.card import UNKNOWN
from eoagent.contracts.dialogue import ChatMessage
from eoagent.contracts.errors import BudgetExceeded, InputError, ModelError
from eoagent.io.chatserver import ChatServer
from eoagent.io.chatserver_address import read_address
from eoagent.runners.served import ServedChat
from eoagent.runners.servedcard import card_of_served

CANARY = "canary-9c41-0123456789-do-not-tell"
ATTEMPTS = 4
SAID = "<answer>[[56,28,140,112]]</answer>"


@pytest.fixture
def serve(servers, chatreplies):
    """Start a server that answers as told; return a model that asks it, the script, the clock."""
    running = []

    def start(*answers, timeout_s=300.0, clock=None, names=("served",)):
        script = chatreplies.Script(*answers, names=names)
        server = servers.Server(answer=script).__enter__()
        running.append(server)
        jumping = chatreplies.JumpingClock()
        patience = {"clock": jumping} if clock is None else {"clock": clock}
        client = ChatServer(
            read_address(server.url("/v1")),
            key=SecretStr(CANARY),
            timeout_s=timeout_s,
            sleep=jumping.sleep,
            jitter=lambda: 0.5,
            **patience,
        )
        return ServedChat(client, card_of_served("served").card, "served"), script, jumping

    yield start
    for server in running:
        server.__exit__()


def ask(model, *, max_tokens=64, on_text=None):
    said = [ChatMessage(role="user", parts=("Where is the pier?",))]
    return model.complete(said, max_tokens=max_tokens, on_text=on_text)


def good(chatreplies):
    return chatreplies.streamed(*chatreplies.words(SAID))


def passing(chatreplies):
    """Answers before the good one, by name."""
    begun = chatreplies.pieces("<answer>[[56,2")
    cut = chatreplies.streamed(*begun, end=False)
    failing = chatreplies.failing

    def head_only(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nConte")
        exchange.drop()

    def no_length(exchange):
        exchange.head(200, {"Content-Type": "text/event-stream", "Connection": "close"})
        exchange.send(b"".join(begun))
        exchange.drop()

    def half_document(exchange):
        exchange.head(200, {"Content-Type": "application/json", "Connection": "close"})
        exchange.send(b'{"choices": [{"message": {"content": "<ans')
        exchange.drop()

    def in_stream(data):
        return chatreplies.streamed(*begun, b"data: " + data + b"\n\n")

    return {
        "429": [failing(429)],
        "429 with a date": [failing(429, Retry_After="Wed, 21 Oct 2026 07:28:00 GMT")],
        "500": [failing(500)],
        "502 that is a page": [
            lambda exchange: exchange.reply(502, b"<html>bad gateway</html>")
        ],
        "503, then 500, then cut": [failing(503), failing(500), cut],
        "closed without a word": [lambda exchange: exchange.drop()],
        "cut in the head": [head_only],
        "cut in the stream": [cut],
        "ended in the stream": [no_length],
        "ended in the document": [half_document],
        "error in the stream": [in_stream(b'{"error": {"message": "out of memory"}}')],
        "error object in the stream": [in_stream(b'{"object": "error", "message": "engine dead"}')],
        "broken JSON in the stream": [in_stream(b"{no JSON")],
        "deep JSON in the stream": [in_stream(b"[" * 100_000)],
        "JSON of another kind": [in_stream(b'["a", 1]')],
        "a choice of another kind": [in_stream(b'{"choices": [7]}')],
        "words that are no text": [in_stream(b'{"choices": [{"delta": {"content": 7}}]}')],
        "no choices": [chatreplies.json_of({"choices": []})],
        "nothing but the end": [chatreplies.streamed(chatreplies.DONE)],
        "given up by the engine": [chatreplies.streamed(*chatreplies.words("<ans", finish="abort"))],
        "a page": [
            lambda exchange: exchange.reply(200, b"<html>log in</html>", Content_Type="text/html")
        ],
    }  # fmt: skip


PASSING = (
    "429", "429 with a date", "500", "502 that is a page", "503, then 500, then cut",
    "closed without a word", "cut in the head", "cut in the stream", "ended in the stream",
    "ended in the document", "error in the stream", "error object in the stream",
    "broken JSON in the stream", "deep JSON in the stream", "JSON of another kind",
    "a choice of another kind", "words that are no text", "no choices", "nothing but the end",
    "given up by the engine", "a page",
)  # fmt: skip


def test_every_passing_fault_is_tried(chatreplies):
    assert set(PASSING) == set(passing(chatreplies))


@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_is_asked_again_and_half_a_reply_is_none(fault, serve, chatreplies):
    faults = passing(chatreplies)[fault]
    told = []
    model, script, clock = serve(*faults, good(chatreplies))
    reply = ask(model, on_text=told.append)
    assert reply.text == SAID
    assert "".join(told) in (SAID, "<ans" + SAID.removeprefix("<ans"))
    assert len(script.asked) == 1 + len(faults)
    assert len({str(asked[1]) for asked in script.asked}) == 1
    waits = [0.5 * 2**n * 0.75 for n in range(len(faults))]
    assert clock.slept == pytest.approx(waits)


@pytest.mark.parametrize("fault", ["500", "cut in the stream", "a page", "closed without a word"])
def test_what_does_not_pass_ends_in_one_error_that_counts_the_tries(fault, serve, chatreplies):
    model, script, clock = serve(passing(chatreplies)[fault][0])
    with pytest.raises(ModelError, match=f"tried {ATTEMPTS} times") as caught:
        ask(model)
    assert len(script.asked) == ATTEMPTS
    assert len(clock.slept) == ATTEMPTS - 1
    assert caught.value.__cause__ is not None
    assert caught.value.hint
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("stated", "slept"), [("7", 7.0), ("3600", 60.0), ("nonsense", 0.375), ("0", 0.375)]
)
def test_a_pause_that_the_server_asks_for_is_kept_up_to_a_minute(stated, slept, serve, chatreplies):
    busy = chatreplies.failing(429, Retry_After=stated)
    model, _, clock = serve(busy, good(chatreplies))
    assert ask(model).text == SAID
    assert clock.slept == pytest.approx([slept])


def test_a_pause_beyond_the_deadline_ends_the_request_at_once(serve, chatreplies):
    model, script, clock = serve(chatreplies.failing(503, Retry_After="40"), timeout_s=30.0)
    with pytest.raises(BudgetExceeded, match="within the 30 s that it may take: it answers 503"):
        ask(model)
    assert (len(script.asked), clock.slept) == (1, [])


def _final(chatreplies):
    failing = chatreplies.failing
    long = "This model's maximum context length is 4096 tokens. However, you requested 9000."
    return {
        "400": (failing(400, "temperature is bad"), ModelError, "answers 400: temp", "says", 1),
        "context": (failing(400, long), InputError, "that much at once", "smaller part", 1),
        "context of llama-server": (
            failing(500, "the request exceeds the available context size"),
            InputError, "that much at once", "smaller part", 1,
        ),
        "413": (failing(413, "too large"), InputError, "that much at once", "smaller part", 1),
        "pictures": (
            failing(400, "At most 1 image(s) may be provided in one request."),
            InputError, "that many pictures", "fewer pictures", 1,
        ),
        "401": (failing(401, "no"), ModelError, "answers 401", "set reasoner_key", 1),
        "403": (failing(403, "no"), ModelError, "answers 403", "set reasoner_key", 1),
        "404 model": (
            failing(404, "The model `served` does not exist."),
            ModelError, "answers 404", "reasoner_model to one that it has: a/b, c", 1,
        ),
        "400 model": (
            failing(400, "model 'served' not found"),
            ModelError, "answers 400", "reasoner_model to one that it has: a/b, c", 1,
        ),
        "400 pinned": (
            failing(400, "Server is pinned to 'a/b@main', and 'served' was asked for."),
            ModelError, "answers 400", "reasoner_model to one that it has: a/b, c", 1,
        ),
        "a call": (
            chatreplies.json_of(
                {"choices": [{"message": {"content": None, "tool_calls": [{"id": "x"}]}}]}
            ),
            ModelError, "answers with a call of a tool, and was offered none", "without a parser",
            1,
        ),
        "refused": (
            chatreplies.json_of(
                {
                    "choices": [
                        {"message": {"content": None, "refusal": "No."}, "finish_reason": "stop"}
                    ]
                }
            ),
            ModelError, "withheld a reply", "otherwise", 1,
        ),
        "no form at all": (
            failing(422, "unknown field"), ModelError, "answers 422", "see what", 3,
        ),
        "withheld": (
            chatreplies.streamed(*chatreplies.words("I ca", finish="content_filter")),
            ModelError, "withheld", "otherwise", 1,
        ),
        "a stream without end": (
            chatreplies.streamed(*chatreplies.pieces("x" * 5)[:1] * 4000),
            ModelError, "more than the 278528 bytes", "log", 1,
        ),
        "a document without end": (
            chatreplies.document("x" * 400_000),
            ModelError, "more than the 278528 bytes", "log", 1,
        ),
    }  # fmt: skip


FINAL = (
    "400", "context", "context of llama-server", "413", "pictures", "401", "403", "404 model",
    "400 model", "400 pinned", "a call", "refused", "no form at all", "withheld", "a stream without end", "a document without end",
)  # fmt: skip


def test_every_final_fault_is_tried(chatreplies):
    assert set(FINAL) == set(_final(chatreplies))


@pytest.mark.parametrize("fault", FINAL)
def test_what_no_try_can_mend_ends_at_once_and_says_what_can(fault, serve, chatreplies):
    answer, kind, told, hint, count = _final(chatreplies)[fault]
    model, script, clock = serve(answer, names=("a/b", "c"))
    with pytest.raises(kind, match=told) as caught:
        ask(model, max_tokens=8)
    assert type(caught.value) is kind
    assert hint in caught.value.hint
    assert "http://127.0.0.1:" in str(caught.value)
    assert (len(script.asked), clock.slept) == (count, [])


def _typed_as(kind, *events):
    return lambda exchange: exchange.reply(200, b"".join(events), Content_Type=kind)


@pytest.mark.parametrize("kind", ["text/plain", "application/json"])
def test_a_stream_that_does_not_say_that_it_is_one_is_read_as_one(kind, serve, chatreplies):
    whole = chatreplies.words(SAID)
    model, script, _ = serve(_typed_as(kind, b": hello\n\n", *whole))
    assert ask(model).text == SAID
    broken = chatreplies.pieces("<answer>")
    model, script, _ = serve(_typed_as(kind, *broken), _typed_as(kind, *whole))
    assert ask(model).text == SAID
    assert len(script.asked) == 2


def test_odd_counts_of_tokens_are_none_and_lose_no_reply(serve, chatreplies):
    odd = {"prompt_tokens": 10**400, "completion_tokens": 1.5}
    count = chatreplies.event({}, choices=None, usage=odd)
    reply = ask(serve(chatreplies.streamed(*chatreplies.pieces(SAID), count, chatreplies.DONE))[0])
    assert (reply.text, reply.input_tokens, reply.output_tokens) == (SAID, 0, 0)
    whole = {"choices": [{"message": {"content": [{"type": "text", "text": SAID}]}}], "usage": None}
    reply = ask(serve(chatreplies.json_of(whole))[0])
    assert (reply.text, reply.input_tokens, reply.output_tokens) == (SAID, 0, 0)


def test_a_redirect_is_not_followed_and_says_where_it_leads(serve, servers, chatreplies):
    with servers.Server(answer=chatreplies.document("stolen")) as other:
        target = other.url(f"/v1/chat/completions?key={CANARY}")
        for status in (301, 302, 303, 307, 308):
            model, _, _ = serve(
                lambda exchange, status=status: exchange.reply(status, b"", Location=target)
            )
            with pytest.raises(ModelError, match="redirects to 'http://127.0.0.1") as caught:
                ask(model)
            assert "if you trust that place" in caught.value.hint
            assert CANARY not in str(caught.value)
        assert other.requests == []


def test_nobody_at_the_address_is_one_error(chatreplies, servers):
    with servers.Server() as gone:
        url = gone.url("")
    clock = chatreplies.JumpingClock()
    client = ChatServer(read_address(url), clock=clock, sleep=clock.sleep)
    with pytest.raises(ModelError, match=r"cannot be reached.*tried 4 times") as caught:
        client.complete({}, max_tokens=8)
    assert "setting reasoner" in caught.value.hint


def test_a_name_without_an_address_is_one_error(chatreplies):
    def nowhere(host, port):
        raise OSError("no such name")

    clock = chatreplies.JumpingClock()
    client = ChatServer(
        read_address("https://gpu.example"), clock=clock, sleep=clock.sleep, resolver=nowhere
    )
    with pytest.raises(ModelError, match="could not be resolved: no such name"):
        client.models()


def test_a_certificate_that_nobody_vouches_for_is_one_error_and_no_key_is_sent(
    servers, chatreplies, tmp_path, monkeypatch
):
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("no openssl to make a certificate with")
    command = [
        program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-days", "2", "-subj", "/CN=gpu.example", "-addext",
        "subjectAltName=DNS:gpu.example", "-keyout", str(tmp_path / "key.pem"),
        "-out", str(tmp_path / "cert.pem"),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")

    def client(server):
        return ChatServer(
            read_address(f"https://gpu.example:{server.port}"),
            key=SecretStr(CANARY),
            sleep=chatreplies.JumpingClock().sleep,
            resolver=lambda host, port: ["127.0.0.1"],
        )

    script = chatreplies.Script(names=("a",))
    with servers.Server(answer=script, tls=context) as server:
        with pytest.raises(ModelError, match="a certificate that is not trusted") as caught:
            client(server).models()
        assert "SSL_CERT_FILE" in caught.value.hint
        assert server.requests == []
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        assert client(server).models() == (("a", ""),)
        assert server.requests[0].headers["authorization"] == f"Bearer {CANARY}"


def _silent(begun, chatreplies):
    """Say nothing, or begin a reply and then say nothing more."""

    def answer(exchange):
        if begun:
            (piece,) = chatreplies.pieces("<ans")
            head = {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"}
            exchange.head(200, head)
            exchange.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        exchange.hang()

    return answer


@pytest.mark.parametrize("begun", [False, True])
def test_a_server_that_falls_silent_is_given_up_and_asked_again(begun, serve, chatreplies):
    model, script, _ = serve(
        _silent(begun, chatreplies), good(chatreplies), timeout_s=0.8, clock=time.monotonic
    )
    assert ask(model).text == SAID
    assert len(script.asked) == 2


def test_a_reply_that_drips_ends_at_the_deadline_and_not_after(serve, chatreplies):
    def drip(exchange):
        exchange.head(200, {"Content-Type": "text/event-stream", "Connection": "close"})
        exchange.drip(b": still here\n\n" * 1000, every_s=0.01)

    model, script, _ = serve(drip, timeout_s=0.3, clock=time.monotonic)
    with pytest.raises(BudgetExceeded, match="within the 0.3 s") as caught:
        ask(model)
    assert "reasoner_timeout_s" in caught.value.hint
    assert len(script.asked) == 1


def test_what_a_listener_raises_ends_the_request_between_two_pieces(serve, chatreplies):
    heard = []

    def stop(piece):
        heard.append(piece)
        if len(heard) == 3:
            raise BudgetExceeded("the run is over")

    model, script, _ = serve(good(chatreplies))
    with pytest.raises(BudgetExceeded, match="the run is over"):
        ask(model, on_text=stop)
    assert "".join(heard) == SAID[:15]
    assert len(script.asked) == 1
    assert ask(model).text == SAID


def test_a_second_try_that_goes_another_way_is_told_on_a_new_line(serve, chatreplies):
    told = []
    first = chatreplies.streamed(*chatreplies.pieces("a ship"), end=False)
    model, _, _ = serve(first, chatreplies.streamed(*chatreplies.words("a boat")))
    assert ask(model, on_text=told.append).text == "a boat"
    assert "".join(told) == "a ship\na boat"


def _echoes(status):
    """Answer with all that was sent, the key too, in body and headers."""

    def answer(exchange):
        key = exchange.headers["authorization"]
        body = (
            f'{{"error": {{"message": "You sent Authorization: {key}; api_key={CANARY} '
            f'https://u:{CANARY}@x.example/?token={CANARY} {CANARY}"}}}}'
        )
        exchange.reply(status, body.encode(), Content_Type="application/json", X_Echo=key)

    return answer


@pytest.mark.parametrize("status", [200, 302, 400, 401, 404, 413, 422, 500])
def test_the_key_stands_in_one_header_and_in_nothing_that_is_shown(status, serve, caplog):
    caplog.set_level(logging.DEBUG, logger="eoagent")
    model, script, _ = serve(_echoes(status), names=(f"m-{CANARY}",))
    with pytest.raises((ModelError, InputError)) as caught:
        ask(model)
    error = caught.value
    shown = [
        repr(error), error.explain(), caplog.text, *traceback.format_exception(error),
        repr(dict(model.manner)), model.card.model_dump_json(), repr(vars(model)),
        repr(vars(model._server)), repr(vars(model._server._link)),
    ]  # fmt: skip
    assert CANARY not in "\n".join(shown)
    for _, body, headers in script.asked:
        assert headers["authorization"] == f"Bearer {CANARY}"
        assert CANARY not in str(body)
        assert [name for name, value in headers.items() if CANARY in value] == ["authorization"]


def test_provenance_names_the_place_and_owns_that_the_weights_are_not_known(serve, chatreplies):
    model, _, _ = serve(good(chatreplies))
    manner = model.manner
    assert manner["place"].startswith("http://127.0.0.1:")
    assert not manner["place"].endswith("/v1")
    assert (manner["model"], manner["precision"]) == ("served", "unknown")
    assert "temperature 0" in manner["decoding"]
    assert model.card.weights.sha256 == UNKNOWN
