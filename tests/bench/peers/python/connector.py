"""Authentication, logging, metrics and responses of both functions."""

import base64
import hashlib
import hmac
import json
import os
import re
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

Json = dict[str, Any]

# The configuration of every SDK client. The SDK keeps connections open.
CONFIG = Config(connect_timeout=5, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})

dynamodb = boto3.client("dynamodb", config=CONFIG)

TENANT = re.compile(r"[a-z0-9-]{2,40}")
FRESH_SECONDS = 60

_tenants: dict[str, tuple[float, Json, list[Json]]] = {}


class Problem(Exception):
    """A refused request. `detail` tells the caller what to do."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


def authenticate(tenant: str, kind: str, presented: str, scope: str | None = None) -> Json | None:
    """The settings of the tenant with this key, cached for a minute. None when tenant or key is wrong."""
    if not presented or not TENANT.fullmatch(tenant):
        return None
    known = _tenants.get(tenant)
    if known is None or time.time() - known[0] >= FRESH_SECONDS:
        known = _read(tenant)
        if known is None:
            return None
        _tenants[tenant] = known
    _, settings, keys = known
    digest = sha256(presented)
    # Every key is compared, so that the time does not depend on which one matches.
    fitting = [
        key
        for key in keys
        if hmac.compare_digest(key["sha256"], digest)
        and key["kind"] == kind
        and (scope is None or scope in key.get("scopes", []))
    ]
    return settings if fitting else None


def _read(tenant: str) -> tuple[float, Json, list[Json]] | None:
    read_at = time.time()
    answer = dynamodb.get_item(
        TableName=os.environ["TENANTS_TABLE"], Key={"tenant": {"S": tenant}}, ConsistentRead=True
    )
    item = answer.get("Item")
    return item and (read_at, json.loads(item["config"]["S"]), json.loads(item["keys"]["S"]))


def sha256(text: str) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def timestamp(seconds: float) -> str:
    """RFC 3339 with milliseconds: texts sort by time."""
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def log(level: str, message: str, **fields: str) -> None:
    """Writes a log line."""
    print(json.dumps({"timestamp": timestamp(time.time()), "level": level, "message": message, **fields}))


def count(metric: str, tenant: str) -> None:
    """Adds one to a metric, in CloudWatch's embedded metric format."""
    definition = {"Namespace": "RescueConnector", "Dimensions": [[]], "Metrics": [{"Name": metric}]}
    header = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [definition]}
    print(json.dumps({"_aws": header, "tenant": tenant, metric: 1}))


def answer(status: int, body: Json, content_type: str = "application/json", **headers: str) -> Json:
    """A response for API Gateway."""
    headers = {"content-type": content_type, "cache-control": "no-store", **headers}
    return {"statusCode": status, "headers": headers, "body": json.dumps(body)}


def answered(act: Callable[[], Json], tenant: str, request_id: str, refused: str) -> Json:
    """The response of `act`. An error becomes a problem response, counted by the metric `refused`."""
    try:
        return act()
    except Problem as raised:
        problem, cause = raised, ""
    except (BotoCoreError, ClientError) as error:
        # The SDK's messages may quote the request; the names of its errors do not.
        problem, cause = Problem(503, "storage-unavailable", "Try again in half a minute."), type(error).__name__
    log("WARN", problem.code, tenant=tenant, detail=problem.detail, cause=cause)
    count(refused, tenant)
    body = {
        "code": problem.code,
        "status": problem.status,
        "detail": problem.detail,
        "request_id": request_id,
    }
    return answer(problem.status, body, "application/problem+json")


def body_of(event: Json) -> str:
    """The body's text; API Gateway may encode it in base64."""
    body = event.get("body") or ""
    return base64.b64decode(body).decode("utf-8", "replace") if event.get("isBase64Encoded") else body
