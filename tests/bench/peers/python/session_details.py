"""The same as functions/session-details: a post is in the queue before it is answered.

Without posts in XML and without the dead letters of unreadable posts: neither is measured.
"""

import base64
import gzip
import hashlib
import json
import os
import re
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

import boto3

from connector import CONFIG, Json, Problem, answer, answered, authenticate, body_of, count, log, timestamp

sqs = boto3.client("sqs", config=CONFIG)

# The size limit of SQS, less room for the attributes.
MESSAGE_LIMIT = 1024 * 1024 - 8 * 1024

SESSION_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

VARIABLES = {
    name.lower(): name
    for name in (
        *("SessionID", "TechID", "TechSSOID", "TechName", "TechEmail", "TechDescr"),
        *("CField0", "CField1", "CField2", "CField3", "CField4", "CField5", "Tracking0", "ChatLog", "Notes"),
        *("WaitingTime", "PickupTime", "ClosingTime", "WorkTime", "LastActionTime", "Transmitted", "Platform"),
    )
} | {"note": "Notes"}


def handler(event: Json, context: Any) -> Json:
    tenant = event.get("pathParameters", {}).get("tenant", "")
    return answered(lambda: act(event, tenant), tenant, context.aws_request_id, "PostRefused")


def act(event: Json, tenant: str) -> Json:
    settings = authenticate(tenant, "webhook", event["pathParameters"].get("key", ""))
    if settings is None:
        raise Problem(404, "not-found", "Check the URL.")
    if event["requestContext"]["http"]["method"] == "GET":
        return {"statusCode": 204}
    if not settings["enabled"]:
        count("PostIgnored", tenant)
        return answer(200, {"status": "ignored"})
    post = read(event, tenant)
    session_id, digest = post["session_id"], post["digest"]
    sqs.send_message(
        QueueUrl=os.environ["SESSIONS_QUEUE_URL"],
        MessageBody=encode(post),
        MessageGroupId=f"{tenant}#{session_id}",
        MessageDeduplicationId=digest,
    )
    count("PostAccepted", tenant)
    log("INFO", "post accepted", tenant=tenant, session=session_id, digest=digest[:16], event=post["event"])
    return answer(200, {"status": "accepted", "session_id": session_id, "delivery": digest})


def read(event: Json, tenant: str) -> Json:
    """The post as a queue message."""
    fields, unknown = parse(body_of(event))
    session_id = fields.get("SessionID", "").strip()
    if not session_id:
        raise Problem(400, "missing-session-id", "Send the variable SessionID.")
    if not SESSION_ID.fullmatch(session_id):
        raise Problem(400, "invalid-session-id", "Send 1 to 64 of A-Z a-z 0-9 _ - as SessionID.")
    moment = event.get("queryStringParameters", {}).get("event", "").strip().lower()
    if moment not in ("started", "ended"):
        ended = fields.get("ClosingTime", "").strip() or fields.get("WorkTime", "").strip()
        moment = "ended" if ended else "started"
    texts = [text for values in (fields, unknown) for pair in sorted(values.items()) for text in pair]
    return {
        "v": 1,
        "tenant": tenant,
        "session_id": session_id,
        "event": moment,
        "received_at": timestamp(time.time()),
        "digest": digest_of([tenant, session_id, moment, *texts]),
        "fields": fields,
        "unknown_fields": unknown,
    }


def digest_of(texts: Iterable[str]) -> str:
    """SHA-256 over texts, each after its length, so that different lists have different hashes."""
    digest = hashlib.sha256()
    for text in texts:
        # JSON may hold half of a surrogate pair.
        encoded = text.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return digest.hexdigest()


def parse(body: str) -> tuple[dict[str, str], dict[str, str]]:
    """All values of the body (JSON or an HTML form): documented ones by their documented names, then the others."""
    fields: dict[str, str] = {}
    unknown: dict[str, str] = {}
    for key, value in pairs(body):
        key = key.strip().lower()
        values, name = (fields, VARIABLES[key]) if key in VARIABLES else (unknown, key)
        before = values.get(name, "")
        # A key that comes twice keeps both texts.
        values[name] = f"{before}\n{value}" if before and value and before != value else before or value
    return fields, unknown


def pairs(body: str) -> Iterable[tuple[str, str]]:
    if not body.lstrip().startswith("{"):
        return parse_qsl(body, keep_blank_values=True)
    try:
        members = json.loads(body)
    except ValueError:
        raise Problem(400, "malformed-body", "Choose HTML form or JSON for exporting session data.") from None
    return ((key, text_of(value)) for key, value in members.items())


def text_of(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def encode(post: Json) -> str:
    """The message's text, compressed only where it exceeds the limit.

    Only ASCII is unescaped: JSON allows characters that SQS refuses.
    """
    plain = json.dumps(post, separators=(",", ":"))
    if len(plain) <= MESSAGE_LIMIT:
        return plain
    content = {name: post.pop(name) for name in ("fields", "unknown_fields")}
    packed = gzip.compress(json.dumps(content, separators=(",", ":")).encode(), compresslevel=6)
    text = json.dumps(post | {"compressed": base64.b64encode(packed).decode()}, separators=(",", ":"))
    if len(text) > MESSAGE_LIMIT:
        raise Problem(413, "body-too-large", "Export less of the session; nothing of this post was stored.")
    return text
