"""A W&B server that takes runs in: just enough of it for W&B's client to open, resume and upload them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "0" * 40


@dataclass
class StoredRun:
    """What the server has of a run."""

    history: list[dict[str, Any]] = field(default_factory=list)
    config: str = "{}"
    summary: str = "{}"
    exit_code: int | None = None


class WandbServer(ThreadingHTTPServer):
    """Answers on 127.0.0.1; `status` other than 200 refuses everything."""

    daemon_threads = True

    def __init__(self, status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.status = status
        self.runs: dict[str, StoredRun] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: Any) -> None:
        """A client that hangs up is no matter."""

    def query(self, name: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The answer to a GraphQL request."""
        project = {"id": "p", "name": "mammo_gan", "entity": {"id": "e", "name": "me"}}
        if name == "RunResumeStatus":
            run = self.runs.get(variables["name"])
            return {"model": {**project, "bucket": None if run is None else _resumable(variables["name"], run)}}
        if name == "UpsertBucket":
            run_id, inserted = variables["name"], variables["name"] not in self.runs
            run = self.runs.setdefault(run_id, StoredRun())
            run.config = variables.get("config") or run.config
            bucket = {"id": run_id, "name": run_id, "displayName": run_id, "config": run.config, "project": project}
            return {"upsertBucket": {"bucket": bucket, "inserted": inserted}}
        if name == "CreateRunFiles":
            files = [{"name": file, "uploadUrl": f"{self.url}/upload"} for file in variables["files"]]
            return {"createRunFiles": {"runID": variables["run"], "uploadHeaders": [], "files": files}}
        return {"serverInfo": {"features": []}}

    def stream(self, run_id: str, content: dict[str, Any]) -> None:
        """Rows of a run: they replace what is there from their offset on."""
        run, files = self.runs[run_id], content.get("files") or {}
        if "wandb-history.jsonl" in files:
            offset, lines = (files["wandb-history.jsonl"][part] for part in ("offset", "content"))
            run.history[offset : offset + len(lines)] = [json.loads(line) for line in lines]
        if "wandb-summary.json" in files:
            run.summary = files["wandb-summary.json"]["content"][-1]
        run.exit_code = content.get("exitcode", run.exit_code)


def _resumable(name: str, run: StoredRun) -> dict[str, Any]:
    last = [json.dumps(row) for row in run.history[-1:]]
    return {
        "id": name,
        "name": name,
        "displayName": name,
        "historyLineCount": len(run.history),
        "eventsLineCount": 0,
        "logLineCount": 0,
        "historyTail": json.dumps(last),
        "eventsTail": "[]",
        "summaryMetrics": run.summary,
        "config": run.config,
        "wandbConfig": '{"t": 1}',
        "tags": [],
    }


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: WandbServer

    def log_message(self, *_: Any) -> None:
        """Nothing on the screen."""

    def do_PUT(self) -> None:
        self._body()
        self._answer({})

    def do_POST(self) -> None:
        body, answer = self._body(), {}
        if self.server.status == 200 and self.path == "/graphql":
            asked = json.loads(body)
            answer = {"data": self.server.query(asked.get("operationName") or "", asked.get("variables") or {})}
        elif self.server.status == 200 and self.path.endswith("/file_stream"):
            self.server.stream(self.path.split("/")[-2], json.loads(body))
        self._answer(answer)

    def _body(self) -> bytes:
        if "Content-Length" in self.headers:
            return self.rfile.read(int(self.headers["Content-Length"]))
        whole = b""
        while size := int(self.rfile.readline(), 16):  # in chunks
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    def _answer(self, content: dict[str, Any]) -> None:
        text = json.dumps(content).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@contextmanager
def serving(status: int = 200) -> Iterator[WandbServer]:
    """A server that answers within."""
    server = WandbServer(status)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
