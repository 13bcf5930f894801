"""Objects of a store become a snapshot: a real server that speaks S3, on this machine."""

from __future__ import annotations

import io
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import polars as pl
import pytest

from runner.core.faults import FaultsError
from runner.core.workspace import Workspace
from runner.data.fetch import Fetched, fetch
from runner.data.sources.remote import RemoteSpec

SECRET = "a-very-secret-key"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    try:
        from moto.server import ThreadedMotoServer
    except ImportError:
        pytest.skip("NO OBJECT STORE IS TESTED HERE: moto is not installed")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    _, port = server.get_host_and_port()
    at = f"http://127.0.0.1:{port}"
    put(at, "/shop")
    for n, name in enumerate("ab"):
        content = io.BytesIO()
        pl.DataFrame({"id": range(1000 * n, 1000 * n + 1000), "name": [name] * 1000}).write_parquet(content)
        put(at, f"/shop/orders/{name}.parquet", content.getvalue())
    put(at, "/shop/rows.csv", "a;b\n1;é\n2;\n".encode("latin-1"))
    put(at, "/shop/ragged.csv", b"a,b\n1\n")
    put(at, "/shop/broken.parquet", b"PAR1 is what I say")
    yield at
    server.stop()


def put(at: str, path: str, content: bytes = b"") -> None:
    headers = {"Content-Type": "application/octet-stream"}
    urllib.request.urlopen(urllib.request.Request(f"{at}{path}", data=content, method="PUT", headers=headers)).read()


@pytest.fixture
def store(address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    found = {"AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": "ann", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1", "AWS_ALLOW_HTTP": "true"}
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return address


def get(root: Path, **declared: Any) -> Fetched:
    spec = RemoteSpec.model_validate({"kind": "remote", "path": "data/raw/x.parquet", "retries": 0, **declared})
    return fetch("x", spec, Workspace(root), renew=True, say=lambda text: None)


def told(root: Path, **declared: Any) -> str:
    with pytest.raises(FaultsError) as caught:
        get(root, **declared)
    assert SECRET not in str(caught.value)
    assert not list((root / "data/raw").glob("*"))
    return caught.value.faults[0].wrong


def test_objects_are_fetched_in_order_and_only_what_is_asked_for(store: str, tmp_path: Path) -> None:
    assert get(tmp_path, uri="s3://shop/orders/*.parquet").record.rows == 2000
    assert pl.read_parquet(tmp_path / "data/raw/x.parquet")["id"].to_list() == list(range(2000))
    some = get(tmp_path, uri="s3://shop/orders/*.parquet", select=["id"], where="id >= 1500")
    assert (some.record.rows, some.record.columns) == (500, {"id": "Int64"})


def test_text_is_read_as_strictly_as_a_file(store: str, tmp_path: Path) -> None:
    get(tmp_path, uri="s3://shop/rows.csv", separator=";", encoding="latin-1")
    assert pl.read_parquet(tmp_path / "data/raw/x.parquet").rows() == [("1", "é"), ("2", "")]
    (tmp_path / "data/raw/x.parquet").unlink()
    (tmp_path / "data/raw/x.snapshot.json").unlink()
    assert "line 2 has 1 cell" in told(tmp_path, uri="s3://shop/ragged.csv")


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"uri": "s3://shop/none.parquet"}, "not found"),
        ({"uri": "s3://shop/none.csv"}, "does not exist"),
        ({"uri": "s3://shop/broken.parquet"}, "cannot be read"),
        ({"uri": "s3://shop/orders/a.parquet", "where": "nothing > 1"}, 'unable to find column "nothing"'),
        ({"uri": "s3://shop/orders/a.parquet", "max_rows": 10}, "more than 10 rows"),
    ],
)
def test_what_the_store_does_not_give_is_told(store: str, tmp_path: Path, declared: dict[str, Any], said: str) -> None:
    assert said in told(tmp_path, **declared)


def test_a_store_that_is_not_there_is_given_up(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert "the store cannot be reached" in told(tmp_path, uri="s3://shop/orders/a.parquet", timeout_s=1.0)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (401, "does not let us in"),
        (403, "does not let us in"),
        (404, "cannot be read"),
        (500, "cannot be reached"),
        (503, "cannot be reached"),
    ],
)
def test_what_a_store_answers_is_told_by_its_code_whatever_the_object_is_called(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, said: str
) -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET  # noqa: N815 - the name that http.server asks for

        def log_message(self, *told: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        for name in ("a", "credentials-403", "connection-timeout-500"):
            assert f"{said}: " in told(tmp_path, uri=f"s3://shop/{name}.parquet")
            if code < 500:  # Text is fetched by another client, which waits long for a server that is ill.
                assert f"{said}: " in told(tmp_path, uri=f"s3://shop/{name}.csv")
        server.shutdown()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("AWS Error UNKNOWN (HTTP status 503) during GetObject operation", "cannot be reached"),
        ("AWS Error SERVICE_UNAVAILABLE during HeadObject operation", "cannot be reached"),
        ("AWS Error INTERNAL_FAILURE (HTTP status 500) during GetObject operation", "cannot be reached"),
        ("AWS Error THROTTLING during GetObject operation", "cannot be reached"),
        ("AWS Error NETWORK_CONNECTION during HeadObject operation", "cannot be reached"),
        ("AWS Error UNKNOWN (HTTP status 403) during GetObject operation", "does not let us in"),
        ("AWS Error ACCESS_DENIED during HeadObject operation: No response body.", "does not let us in"),
        ("Object at location connections/credentials.parquet not found", "cannot be read"),
    ],
)
def test_both_clients_that_read_from_stores_are_understood(words: str, said: str) -> None:
    spec = RemoteSpec.model_validate({"kind": "remote", "path": "data/raw/x.parquet", "uri": "s3://shop/a.csv"})
    assert said in spec._told(OSError(words)).wrong


@pytest.mark.parametrize("took", ["514.033ms", "403.7ms", "401s", "1.403500ms", "500 ms"])
def test_how_long_a_store_took_is_none_of_its_codes(took: str) -> None:
    spec = RemoteSpec.model_validate({"kind": "remote", "path": "data/raw/x.parquet", "uri": "s3://shop/a.parquet"})
    gone = spec._told(OSError(f"Generic S3 error: Error performing GET http://127.0.0.1:1/a in {took}, after 2 retries - HTTP error: error sending request"))
    assert "the store cannot be reached" in gone.wrong


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"uri": "ftp://shop/a.parquet"}, "uri begins with 'ftp'"),
        ({"uri": "https://ann:secret@shop/a.parquet"}, "uri holds a password"),
        ({"uri": "s3://shop/a"}, "format cannot be told"),
        ({"uri": "s3://shop/*.csv"}, "uri has a wildcard"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused(declared: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        RemoteSpec.model_validate({"kind": "remote", "path": "data/raw/x.parquet", **declared})
