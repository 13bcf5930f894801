"""Objects of a store such as S3, fetched into a snapshot."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

import polars as pl
from polars.exceptions import PanicException, PolarsError
from pydantic import Field, model_validator

from runner.core import expressions
from runner.core.faults import listed
from runner.core.registry import register
from runner.core.secrets import has_password
from runner.core.workspace import Workspace
from runner.data.databases.question import Frames, Question
from runner.data.databases.written import write
from runner.data.sources import csv, ndjson, snapshot
from runner.data.sources.many import WILD
from runner.data.sources.snapshot import QUESTION, SnapshotSpec
from runner.data.unreadable import GoneError, UnreadableError

ROWS_AT_ONCE = 1 << 16
SCHEMES = ("s3", "s3a", "gs", "gcs", "az", "azure", "abfs", "abfss", "adl", "http", "https", "file")
ENDINGS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "ipc",
    ".feather": "ipc",
    ".ipc": "ipc",
    ".csv": "csv",
    ".tsv": "csv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
}
TEXT = ("csv", "ndjson")
UNREACHED = re.compile(
    r"error sending request|timed out|timeout|connection|\bdns\b|status(?: code:)? 5\d\d|slow.?down|throttl|service.?unavailable|internal.?failure",
    re.IGNORECASE,
)
REFUSED = re.compile(r"status(?: code:)? 40[13]|access.?(key|denied)|forbidden|signature|credential|unauthorized", re.IGNORECASE)
# An object may be called `credentials.parquet` and a bucket `connections`: what a message is about is none of its words.
NAMES = re.compile(r"\S+://\S*|\b(?:for path|at location) \S+|'[^']*'")


class RemoteSpec(SnapshotSpec):
    """One or several objects of a store, fetched into a Parquet snapshot that runs read; credentials come from the environment."""

    asks: ClassVar[tuple[str, ...]] = ("uri", "format", "select", "where", "separator", "encoding")

    kind: Literal["remote"]
    uri: str
    """Address of the objects, such as `s3://bucket/orders/*.parquet`; s3, gs, az, abfss, https. A `*` is for Parquet and Arrow IPC."""
    format: Literal["auto", "parquet", "ipc", "csv", "ndjson", "delta"] = "auto"
    """How the objects are stored; `auto` goes by the ending of the address."""
    select: list[str] | None = Field(default=None, min_length=1)
    """The columns that are fetched; all of them where it is left out."""
    where: str | None = None
    """SQL over one row: only rows where it is TRUE are fetched, and where the format allows it only their parts of the objects."""
    separator: str = ","
    """Of a CSV object, as for a `csv` source."""
    encoding: str = "utf-8"
    """Of a CSV object, as for a `csv` source."""
    timeout_s: float = Field(default=30.0, gt=0, le=3600)
    """How long a request may take to be answered."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        wrong = []
        scheme = urlsplit(self.uri).scheme
        if scheme not in SCHEMES:
            wrong.append(f"uri begins with {scheme!r}; one of {listed(SCHEMES)}")
        if has_password(self.uri):
            wrong.append("uri holds a password; credentials come from the environment")
        if self.stored is None:
            wrong.append("format cannot be told from the ending of uri; declare it")
        if self.stored in (*TEXT, "delta") and any(sign in self.uri for sign in WILD):
            wrong.append(f"uri has a wildcard, which is for Parquet and Arrow IPC, not for {self.stored}")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    @property
    def stored(self) -> str | None:
        """The format, declared or by the ending; None where it cannot be told."""
        return ENDINGS.get(PurePosixPath(urlsplit(self.uri).path).suffix.lower()) if self.format == "auto" else self.format

    def origin(self) -> str:
        return self.uri

    def fetch(self, workspace: Workspace, target: Path) -> int:
        try:
            if self.stored not in TEXT:
                return write(self._frames(self._objects()), target, self.max_rows, {QUESTION: self.question})
            workspace.home.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=workspace.home, prefix="fetch-") as folder:
                copied = Path(folder) / "object"
                _copied(self.uri, copied)
                return write(self._frames(self._text(copied)), target, self.max_rows, {QUESTION: self.question})
        except (PolarsError, PanicException) as error:
            raise self._told(error) from None
        except OSError as error:
            if error.errno is not None and not error.strerror:
                raise
            raise self._told(error) from None

    def columns_now(self, workspace: Workspace) -> dict[str, str] | None:
        """Ask the store for the columns and for no row; None for text, which shows them only when all of it is read."""
        if self.stored in TEXT:
            return None
        try:
            return {name: str(dtype) for name, dtype in self._asked(self._objects()).collect_schema().items()}
        except (PolarsError, PanicException, OSError) as error:
            raise self._told(error) from None

    def _objects(self) -> pl.LazyFrame:
        options: dict[str, Any] = {
            "storage_options": {"max_retries": 2, "timeout": f"{self.timeout_s:g}s", "connect_timeout": f"{min(self.timeout_s, 10.0):g}s"}
        }
        if self.stored == "delta":
            return pl.scan_delta(self.uri)
        return pl.scan_ipc(self.uri, **options) if self.stored == "ipc" else pl.scan_parquet(self.uri, **options)

    def _text(self, copied: Path) -> pl.LazyFrame:
        if self.stored == "ndjson":
            return ndjson.scan(ndjson.NdjsonSpec(kind="ndjson", path=copied.name), copied)
        spec = csv.CsvSpec(kind="csv", path=copied.name, separator=self.separator, encoding=self.encoding, null_values=[])
        return csv.scan(spec, copied)

    def _asked(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        kept = rows if self.where is None else rows.filter(expressions.parse(self.where))
        return kept if self.select is None else kept.select(self.select)

    def _frames(self, rows: pl.LazyFrame) -> Frames:
        asked = self._asked(rows)
        yield pl.DataFrame(schema=asked.collect_schema())
        yield from asked.collect_batches(chunk_size=ROWS_AT_ONCE, maintain_order=True, engine="streaming")

    def _told(self, error: BaseException) -> UnreadableError:
        first = str(error).split("\n")[0]
        told = Question("", self.uri).told(first).replace("***", self.uri)
        words = "" if isinstance(error, FileNotFoundError) else NAMES.sub("", first)
        if isinstance(error, PermissionError) or REFUSED.search(words):
            return UnreadableError(
                f"the store does not let us in: {told}", "credentials in the environment that open it", "look at AWS_ACCESS_KEY_ID and the like"
            )
        if isinstance(error, ConnectionError | TimeoutError) or UNREACHED.search(words):
            return GoneError(f"the store cannot be reached: {told}", "a store that answers", "look at the address; the same command tries again")
        return UnreadableError(f"cannot be read: {told}", f"{self.stored} objects", "look at `uri`, `select` and `where`")


@register("source", RemoteSpec)
def scan(spec: RemoteSpec, path: Path) -> pl.LazyFrame:
    """The snapshot's rows, lazily; the store is not asked. Raises UnreadableError for a damaged snapshot."""
    return snapshot.scan(spec, path)


def _copied(uri: str, target: Path) -> None:
    """The bytes of one object, as they are, in a file."""
    from pyarrow import ArrowException, fs

    try:
        system, path = fs.FileSystem.from_uri(uri)
        with system.open_input_stream(path) as stream, target.open("wb") as copy:
            while piece := stream.read(1 << 20):
                copy.write(piece)
    except ArrowException as error:
        raise OSError(str(error)) from None
