"""Rows of databases become snapshots: from SQLite, DuckDB and a real PostgreSQL, also one that is killed."""

from __future__ import annotations

import json
import sqlite3
import threading
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.data.conftest import Server

from runner.core.faults import FaultsError
from runner.core.workspace import Workspace
from runner.data.databases import adbc, connectorx
from runner.data.databases.duckdb import frames as duckdb_frames
from runner.data.databases.question import Question
from runner.data.databases.sqlite import frames as sqlite_frames
from runner.data.fetch import Fetched, fetch
from runner.data.load import open_all, read
from runner.data.sources.snapshot import record_of
from runner.data.sources.sql import SqlSpec
from runner.data.unreadable import UnreadableError

SNAPSHOT = "data/raw/orders.parquet"


def spec(**declared: Any) -> SqlSpec:
    return SqlSpec.model_validate({"kind": "sql", "path": SNAPSHOT, "retries": 0, **declared})


def get(root: Path, renew: bool = False, **declared: Any) -> Fetched:
    return fetch("orders", spec(**declared), Workspace(root), renew=renew, say=lambda text: None)


def rows(root: Path, **declared: Any) -> pl.DataFrame:
    source = open_all({"orders": spec(**declared)}, {}, root)["orders"]
    return read(source, list(source.schema))


def told(root: Path, renew: bool = False, **declared: Any) -> str:
    with pytest.raises(FaultsError) as caught:
        get(root, renew, **declared)
    (fault,) = caught.value.faults
    assert fault.at.startswith("data.sources.orders")
    assert fault.expected
    assert fault.hint
    return fault.wrong


def files(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((root / "data/raw").glob("*"))} if (root / "data/raw").is_dir() else {}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A workspace with an SQLite database."""
    (tmp_path / "data/raw").mkdir(parents=True)
    with sqlite3.connect(tmp_path / "shop.sqlite") as connection:
        connection.execute("CREATE TABLE orders (id INTEGER, amount, name TEXT, at TEXT)")
        connection.executemany(
            "INSERT INTO orders VALUES (?, ?, ?, ?)", [(1, 10, "Ann", "2026-01-01"), (2, 2.5, None, "2026-03-01"), (3, 7, "Bo", "2026-02-01")]
        )
    connection.close()
    return tmp_path


LITE = {"database": "shop.sqlite", "query": "SELECT * FROM orders ORDER BY id"}


# ---- SQLite and DuckDB -----------------------------------------------------------------------------------------------


def test_a_query_of_sqlite_becomes_a_snapshot_with_a_record(shop: Path) -> None:
    done = get(shop, **LITE, time="at")
    assert (done.outcome, done.record.rows, done.record.newest) == ("fetched", 3, "2026-03-01T00:00:00Z")
    assert rows(shop, **LITE).to_dict(as_series=False) == {
        "id": [1, 2, 3],
        "amount": [10.0, 2.5, 7.0],
        "name": ["Ann", None, "Bo"],
        "at": ["2026-01-01", "2026-03-01", "2026-02-01"],
    }
    record = json.loads(record_of(shop / SNAPSHOT).read_text())
    assert record["columns"] == {"id": "Int64", "amount": "Float64", "name": "String", "at": "String"}
    assert record["bytes"] == (shop / SNAPSHOT).stat().st_size


def test_a_snapshot_is_kept_until_it_is_renewed_and_the_same_rows_are_the_same_bytes(shop: Path) -> None:
    get(shop, **LITE)
    before = (shop / SNAPSHOT).read_bytes()
    assert get(shop, **LITE).outcome == "kept"
    assert get(shop, renew=True, **LITE).outcome == "unchanged"
    assert (shop / SNAPSHOT).read_bytes() == before
    with sqlite3.connect(shop / "shop.sqlite") as connection:
        connection.execute("DELETE FROM orders WHERE id = 1")
    connection.close()
    assert get(shop, **LITE).outcome == "kept"
    assert get(shop, renew=True, **LITE).outcome == "renewed"
    assert rows(shop, **LITE).height == 2


def test_a_whole_table_may_be_named_however_odd_its_name(shop: Path) -> None:
    with sqlite3.connect(shop / "shop.sqlite") as connection:
        connection.execute('CREATE TABLE "select ""x""" (a)')
        connection.execute('INSERT INTO "select ""x""" VALUES (1)')
    connection.close()
    get(shop, database="shop.sqlite", table='select "x"')
    assert rows(shop, database="shop.sqlite", table='select "x"').rows() == [(1,)]


def test_duckdb_streams_every_type_that_has_a_place(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    query = "SELECT range AS id, CAST(range AS DECIMAL(9, 2)) AS d, DATE '2026-01-01' AS day, uuid() AS u, [range] AS l FROM range(150000) ORDER BY range"
    duckdb.connect(str(tmp_path / "shop.duckdb")).execute("CREATE TABLE t (a INTEGER)").close()
    assert get(tmp_path, database="shop.duckdb", query=query).record.rows == 150_000
    found = pl.scan_parquet(tmp_path / SNAPSHOT).select("id").collect()["id"]
    assert found.to_list() == list(range(150_000))
    assert "interval" in told(tmp_path, database="shop.duckdb", query="SELECT INTERVAL 1 DAY AS wait")
    # The query is about this database; it reads no file beside it.
    (tmp_path / "secret.csv").write_text("a\n1\n")
    assert "refuses" in told(tmp_path, database="shop.duckdb", query=f"SELECT * FROM '{tmp_path}/secret.csv'") or "disabled" in told(
        tmp_path, database="shop.duckdb", query=f"SELECT * FROM '{tmp_path}/secret.csv'"
    )


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"query": "SELECT 1 FROM FROM"}, 'near "FROM": syntax error'),
        ({"query": "SELEC 1"}, "the query begins with SELEC"),
        ({"table": "nothing"}, "no such table: nothing"),
        ({"query": "SELECT 1 AS a, 2 AS a"}, "names columns twice: 'a'"),
        ({"query": "DELETE FROM orders"}, "the query begins with DELETE"),
        ({"query": "WITH some AS (SELECT 1) DELETE FROM orders"}, "not authorized"),
        ({"query": "-- all\nATTACH 'beside.db' AS q"}, "the query begins with ATTACH"),
        ({"query": "SELECT load_extension('x')"}, "not authorized"),
        ({"query": "SELECT 1; SELECT 2"}, "more than one statement"),
        ({"query": "SELECT x'00' AS a UNION SELECT 'b'"}, "'a' mixes bytes with other values"),
        ({"query": "SELECT 9007199254740993 AS a UNION SELECT 0.5"}, "beyond 2^53"),
        ({"query": "SELECT CAST(x'ff' AS TEXT) AS a"}, "Could not decode to UTF-8"),
        ({"query": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n", "statement_timeout_s": 0.2}, "longer than"),
        ({"query": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 200) SELECT i FROM n", "max_rows": 100}, "more than 100 rows"),
        ({"database": "none.sqlite", "table": "a"}, "there is no database none.sqlite"),
        ({"database": "notes.txt", "table": "a"}, "neither an SQLite nor a DuckDB database"),
    ],
)
def test_what_a_database_refuses_is_told_and_nothing_is_left(shop: Path, declared: dict[str, Any], said: str) -> None:
    (shop / "notes.txt").write_text("no database\n" * 10)
    assert said in told(shop, **{"database": "shop.sqlite", **declared})
    assert files(shop) == {}
    assert not (shop / "beside.db").exists()


def test_the_engines_refuse_to_write_whatever_the_statement_looks_like(shop: Path) -> None:
    """Beneath the look at the words of a query."""
    beside = shop / "beside.db"
    asked = Question(f"ATTACH '{beside}' AS q", file=shop / "shop.sqlite")
    with pytest.raises(UnreadableError, match="not authorized"):
        next(sqlite_frames(asked))
    duckdb = pytest.importorskip("duckdb")
    duckdb.connect(str(shop / "shop.duckdb")).execute("CREATE TABLE t (a INTEGER)").close()
    for statement in (f"ATTACH '{beside}' AS q", f"COPY t TO '{beside}'", "SELECT 1; CREATE TEMP TABLE u (a INTEGER)"):
        with pytest.raises(UnreadableError, match="does more than read"):
            next(duckdb_frames(Question(statement, file=shop / "shop.duckdb")))
    assert not beside.exists()


def test_quoted_words_and_remarks_are_no_statements(shop: Path) -> None:
    query = """-- ids; all of them
    WITH "drop;" AS (SELECT 'a;b' AS x /* ; */) SELECT id, x FROM orders, "drop;" ORDER BY id;"""
    get(shop, database="shop.sqlite", query=query)
    assert rows(shop, database="shop.sqlite", query=query)["x"].to_list() == ["a;b"] * 3


def test_an_answer_without_rows_does_not_replace_a_snapshot(shop: Path) -> None:
    get(shop, **LITE)
    before = files(shop)
    with sqlite3.connect(shop / "shop.sqlite") as connection:
        connection.execute("DELETE FROM orders")
    connection.close()
    # Without rows SQLite has no types to tell, so the names are all there is to compare.
    assert "gives no rows, where it gave 3 at" in told(shop, renew=True, **LITE)
    assert files(shop) == before


def test_a_damaged_database_is_told_and_the_snapshot_stays(shop: Path) -> None:
    get(shop, **LITE)
    before = files(shop)
    whole = (shop / "shop.sqlite").read_bytes()
    (shop / "shop.sqlite").write_bytes(whole[:5000] + b"\xff" * (len(whole) - 5000))
    assert "malformed" in told(shop, renew=True, **LITE)
    assert files(shop) == before


# ---- what a run reads ------------------------------------------------------------------------------------------------


def wrong(root: Path, **declared: Any) -> str:
    with pytest.raises(FaultsError) as caught:
        open_all({"orders": spec(**declared)}, {}, root)
    return caught.value.faults[0].wrong


def test_a_run_reads_the_snapshot_that_its_record_tells_of_and_no_other(shop: Path) -> None:
    assert wrong(shop, **LITE) == "data/raw/orders.parquet is missing"
    get(shop, **LITE)
    assert "was fetched for another declaration" in wrong(shop, database="shop.sqlite", query="SELECT id FROM orders")
    assert "not the pinned snapshot" in wrong(shop, **LITE, snapshot_date="2020-02-02")
    pl.DataFrame({"id": [1]}).write_parquet(shop / SNAPSHOT)
    assert "is not the snapshot that orders.snapshot.json tells of" in wrong(shop, **LITE)
    assert "is not the snapshot that its record tells of" in told(shop, **LITE)
    record_of(shop / SNAPSHOT).unlink()
    assert "has no record orders.snapshot.json beside it" in wrong(shop, **LITE)
    assert "no snapshot of this source" in told(shop, **LITE)
    record_of(shop / SNAPSHOT).write_text("{}")
    assert "is damaged" in wrong(shop, **LITE)


def test_a_fetch_that_was_killed_before_its_record_is_done_again(shop: Path) -> None:
    get(shop, **LITE)
    record_of(shop / SNAPSHOT).unlink()
    assert get(shop, **LITE).outcome == "fetched"
    (shop / SNAPSHOT).unlink()
    assert "is not here, only its record" in told(shop, **LITE)


def test_a_query_that_gives_other_columns_than_before_is_refused_and_the_snapshot_stays(shop: Path) -> None:
    declared = {"database": "shop.sqlite", "table": "orders"}
    get(shop, **declared)
    before = files(shop)
    with sqlite3.connect(shop / "shop.sqlite") as connection:
        connection.execute("ALTER TABLE orders ADD COLUMN city TEXT DEFAULT 'Rome'")
        connection.execute("ALTER TABLE orders DROP COLUMN name")
        connection.execute("UPDATE orders SET id = 'x' WHERE id = 1")
    connection.close()
    found = told(shop, renew=True, **declared)
    assert "has 'city', lacks 'name', holds 'id' as String where the snapshot has Int64" in found
    assert files(shop) == before


# ---- PostgreSQL ------------------------------------------------------------------------------------------------------


@pytest.fixture
def orders(postgresql: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    postgresql.start()
    postgresql.execute(
        "DROP TABLE IF EXISTS orders",
        "CREATE TABLE orders AS SELECT i AS id, (i / 3.0)::numeric(12, 4) AS amount, 'name ' || i AS name, i % 2 = 0 AS paid,"
        " timestamptz '2026-01-01' + i * interval '1 minute' AS at, '{\"a\": 1}'::jsonb AS more,"
        " 'c8a5e0d6-1f3e-4a59-8f4f-0d5a3ad1a111'::uuid AS u, NULL::text AS note FROM generate_series(1, 1000) i",
    )
    monkeypatch.setenv("SHOP", postgresql.uri)
    return postgresql


PG = {"uri_env": "SHOP", "query": "SELECT * FROM orders ORDER BY id"}


def test_postgresql_rows_keep_their_types_and_no_number_is_rounded(orders: Server, tmp_path: Path) -> None:
    done = get(tmp_path, **PG, time="at")
    assert (done.record.rows, done.record.newest) == (1000, "2026-01-01T16:40:00Z")
    found = rows(tmp_path, **PG)
    assert found.row(1) == (2, "0.6667", "name 2", True, found["at"][1], '{"a": 1}', "c8a5e0d6-1f3e-4a59-8f4f-0d5a3ad1a111", None)
    assert str(found.schema["at"]) == "Datetime(time_unit='us', time_zone='UTC')"
    assert orders.uri not in record_of(tmp_path / SNAPSHOT).read_text()
    before = (tmp_path / SNAPSHOT).read_bytes()
    assert get(tmp_path, renew=True, **PG).outcome == "unchanged"
    assert (tmp_path / SNAPSHOT).read_bytes() == before


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"query": "SELECT 1 FROM FROM"}, 'the database refuses the query: syntax error at or near "FROM"'),
        ({"table": "public.nothing"}, 'relation "public.nothing" does not exist'),
        ({"query": "SELECT 1 / 0 AS a"}, "division by zero"),
        ({"query": "DELETE FROM orders"}, "the query begins with DELETE"),
        ({"query": "SELECT 1 AS a, 2 AS a"}, "names columns twice"),
        ({"query": "SELECT inet '127.0.0.1' AS ip"}, "'ip' is of the type inet"),
        ({"query": "SELECT pg_sleep(9)::text AS a", "statement_timeout_s": 0.3}, "longer than statement_timeout_s allows"),
        ({"query": "SELECT i FROM generate_series(1, 300000) i", "max_rows": 200_000}, "more than 200,000 rows"),
    ],
)
def test_what_postgresql_refuses_is_told_in_its_own_words(orders: Server, tmp_path: Path, declared: dict[str, Any], said: str) -> None:
    assert said in told(tmp_path, uri_env="SHOP", **declared)
    assert files(tmp_path) == {}


def test_a_changed_table_of_postgresql_is_refused_with_the_difference(orders: Server, tmp_path: Path) -> None:
    get(tmp_path, uri_env="SHOP", table="orders")
    before = files(tmp_path)
    orders.execute("ALTER TABLE orders RENAME COLUMN amount TO total", "ALTER TABLE orders ALTER COLUMN id TYPE text")
    assert "has 'total', lacks 'amount', holds 'id' as String" in told(tmp_path, renew=True, uri_env="SHOP", table="orders")
    assert files(tmp_path) == before


def test_a_server_that_is_killed_midway_loses_nothing_and_the_same_command_continues(orders: Server, tmp_path: Path) -> None:
    get(tmp_path, **PG)
    before = files(tmp_path)
    slow = {"uri_env": "SHOP", "query": "SELECT i, repeat('x', 1000) AS pad, pg_sleep(0.0002)::text AS nap FROM generate_series(1, 1000000) i"}
    threading.Timer(1.0, orders.kill).start()
    assert "the database broke off" in told(tmp_path, **slow)
    assert files(tmp_path) == before
    assert "cannot be reached" in told(tmp_path, renew=True, **PG)
    assert files(tmp_path) == before
    orders.start()
    assert get(tmp_path, renew=True, **PG).outcome == "unchanged"


def test_a_server_that_comes_back_is_tried_again_as_often_as_declared(orders: Server, tmp_path: Path) -> None:
    orders.kill()
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        orders.start()

    done = fetch("orders", spec(**{**PG, "retries": 2}), Workspace(tmp_path), renew=False, say=say)
    assert done.record.rows == 1000
    assert len(said) == 1
    assert "trying again in 1 s (1 of 2)" in said[0]


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("postgresql://ann:s%40cret@127.0.0.1:1/shop", "the database cannot be reached"),
        ("mysql://ann:s%40cret@127.0.0.1:1/shop", "the database cannot be reached"),
        ("nosuch://ann:s%40cret@127.0.0.1:1/shop", "'nosuch' is no kind of database that is read"),
        ("ann:s%40cret@127.0.0.1", "is no kind of database"),
        ("sqlite:///none.sqlite", "there is no database"),
        ("", "needs the environment variable SHOP, which is not set"),
    ],
)
def test_an_address_that_leads_nowhere_is_told_without_its_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str, said: str) -> None:
    monkeypatch.setenv("SHOP", uri)
    found = told(tmp_path, uri_env="SHOP", table="orders", connect_timeout_s=2.0)
    assert said in found
    assert "cret" not in found


def test_a_server_that_accepts_and_never_answers_is_given_up_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("SHOP", f"postgresql://ann:secret@127.0.0.1:{silent.getsockname()[1]}/shop")
        assert "cannot be reached" in told(tmp_path, uri_env="SHOP", table="orders", connect_timeout_s=2.0)


def test_any_adbc_driver_and_connectorx_give_the_same_rows(shop: Path) -> None:
    asked = Question("SELECT id, name FROM orders ORDER BY id", f"sqlite://{shop}/shop.sqlite")
    for frames in (adbc.frames, connectorx.frames):
        assert pl.concat(frames(asked), how="vertical_relaxed").rows() == [(1, "Ann"), (2, None), (3, "Bo")]
    with pytest.raises(UnreadableError, match="no such table"):
        list(connectorx.frames(Question("SELECT * FROM absent", asked.uri)))


# ---- the declaration -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"uri_env": "A", "database": "b", "table": "c"}, "just one of uri_env and database"),
        ({"table": "c"}, "just one of uri_env and database"),
        ({"uri_env": "A"}, "just one of query and table"),
        ({"uri_env": "A", "table": "c", "path": "data/raw/x.csv"}, r"ends in \.parquet"),
        ({"uri_env": "postgresql://a:b@c/d", "table": "c"}, "pattern"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(declared: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        spec(**declared)
