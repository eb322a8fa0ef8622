"""The same as functions/generate-pin for a tenant without e-mails and notes, and a request with the record's sys_id.

It claims the PIN request, asks Rescue once, and keeps the answer for repeats.
"""

import hmac
import json
import os
import re
import time
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import boto3
import urllib3
from botocore.exceptions import BotoCoreError, ClientError

from connector import (
    CONFIG,
    Json,
    Problem,
    answer,
    answered,
    authenticate,
    body_of,
    count,
    dynamodb,
    log,
    sha256,
    timestamp,
)

secrets_manager = boto3.client("secretsmanager", config=CONFIG)
# The CA bundle of boto3 where one is set, otherwise the system's.
http = urllib3.PoolManager(ca_certs=os.environ.get("AWS_CA_BUNDLE"), retries=False, timeout=8)

# Seconds for which the same Idempotency-Key, or the same request without a key, gets the same PIN.
KEY_LIFETIME = 600
DOUBLE_CLICK = 3
# Seconds after which another process may take over a running PIN request.
CLAIM_LEASE = 35
# Seconds for which one process may sign in.
SIGN_IN_LEASE = 30
SIGN_IN_PATIENCE = 8
SIGN_IN_POLL = 0.2
AUTHCODE_KEPT = 30 * 24 * 3600
SECRETS_FRESH = 300

HOSTS = {
    "global": "https://secure.logmeinrescue.com",
    "eu": "https://secure.logmeinrescue.eu",
    "enterprise": "https://secure.logmeinrescue-enterprise.com",
}
TABLE_CODES = {"incident": "inc", "sn_customerservice_case": "case"}
# Rescue's length limits of cfield0 to cfield5.
FIELD_LIMITS = (64, 512, 512, 256, 64, 64)

_secrets: dict[str, tuple[float, Json]] = {}
_authcodes: dict[str, Json] = {}


@dataclass(frozen=True)
class PinRequest:
    email: str
    sso_id: str
    node_id: str
    table: str
    sys_id: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Claim:
    """Idempotency: an item is claimed first and holds the answer later."""

    key: str
    request: str
    owner: str
    keyed: bool
    claimed_at: float


def handler(event: Json, context: Any) -> Json:
    tenant = event.get("pathParameters", {}).get("tenant", "")
    return answered(lambda: act(event, tenant), tenant, context.aws_request_id, "PinRefused")


def act(event: Json, tenant: str) -> Json:
    bearer = re.fullmatch(r"bearer +(\S+) *", event["headers"].get("authorization", ""), re.IGNORECASE)
    settings = authenticate(tenant, "api", bearer[1] if bearer else "", "pin")
    if settings is None:
        raise Problem(401, "unauthorized", "Send an API key of this tenant as a bearer token.")
    if not settings["enabled"]:
        raise Problem(403, "tenant-disabled", "Switch the tenant on.")
    request = read(event, settings)
    pin_claim = claim_of(tenant, event["headers"].get("idempotency-key"), request)
    earlier = claim(pin_claim)
    if earlier is not None:
        count("PinReplayed", tenant)
        return answer(201, earlier, **{"idempotent-replayed": "true"})
    try:
        body = generate(settings, request)
    except Exception:
        # A repeat need not wait for the end of the lease.
        delete_owned(pin_claim.key, pin_claim.owner)
        raise
    keep(pin_claim, body)
    return answer(201, body)


def read(event: Json, settings: Json) -> PinRequest:
    """Parses the request."""
    try:
        body = json.loads(body_of(event))
        technician, record = body["technician"], body["record"]
        customer, fields = body.get("customer") or {}, body.get("fields") or {}
        otherwise = dict(enumerate((customer.get("name"), record.get("number"), customer.get("email"))))
        email = (technician.get("email") or "").strip()
        request = PinRequest(
            email=email,
            sso_id=(technician.get("sso_id") or email).strip(),
            node_id=(technician.get("node_id") or "").strip(),
            table=(record.get("table") or "").strip(),
            sys_id=(record.get("sys_id") or "").strip(),
            fields=tuple(
                (fields.get(f"cfield{nth}", otherwise.get(nth)) or "").strip()[:limit]
                for nth, limit in enumerate(FIELD_LIMITS)
            ),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise invalid("Send a JSON object with technician and record.") from None
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
        raise invalid("technician.email has to be an e-mail address.")
    if request.table not in TABLE_CODES:
        raise invalid("record.table has to be incident or sn_customerservice_case.")
    if not re.fullmatch(r"[0-9a-f]{32}", request.sys_id):
        raise invalid("record.sys_id has to be 32 hexadecimal digits.")
    domains = {domain.lower() for domain in settings["rescue"].get("technician_domains", [])}
    requested_domains = {address.lower().rpartition("@")[2] for address in (email, request.sso_id)}
    if domains and not requested_domains <= domains:
        raise Problem(403, "technician-not-allowed", "Ask the connector's administrator to add the domain.")
    return request


def invalid(detail: str) -> Problem:
    return Problem(400, "invalid-request", detail)


def claim_of(tenant: str, key: str | None, request: PinRequest) -> Claim:
    named = ("press", request.sso_id, request.node_id, request.table, request.sys_id)
    hashed = f"key\n{key}" if key else "\n".join(named)
    return Claim(
        key=f"{tenant}#pin#{sha256(hashed)}",
        request=sha256(repr(request)),
        owner=str(uuid.uuid4()),
        keyed=bool(key),
        claimed_at=time.time(),
    )


def claim(pin_claim: Claim) -> Json | None:
    """Claims a PIN request. Returns the answer of an earlier one, if there is one."""
    try:
        put(
            claim_item(pin_claim, state="running"),
            "attribute_not_exists(credential) OR #owner = :owner "
            "OR (valid_until < :pressed_at AND (#state = :done OR lease_until < :now)) "
            "OR (#state = :running AND lease_until < :now)",
            {"#owner": "owner", "#state": "state"},
            {
                ":owner": pin_claim.owner,
                ":pressed_at": timestamp(pin_claim.claimed_at),
                ":now": timestamp(time.time()),
                ":done": "done",
                ":running": "running",
            },
        )
        return None
    except dynamodb.exceptions.ConditionalCheckFailedException as failed:
        item = {name: value.get("S") for name, value in failed.response.get("Item", {}).items()}
    if pin_claim.keyed and item.get("request") != pin_claim.request:
        raise Problem(422, "idempotency-key-reused", "Send another Idempotency-Key with another request.")
    if item.get("state") == "done":
        return json.loads(item["answer"])
    raise Problem(409, "pin-in-progress", "Press again in a few seconds.")


def keep(pin_claim: Claim, body: Json) -> None:
    """Keeps the answer for repeats. When that fails, a repeat gets another PIN."""
    item = claim_item(pin_claim, state="done", answer=json.dumps(body))
    try:
        put(item, "#owner = :owner", {"#owner": "owner"}, {":owner": pin_claim.owner})
    except (BotoCoreError, ClientError) as error:
        log("WARN", "the answer is not kept for repeats", cause=type(error).__name__)


def claim_item(pin_claim: Claim, **values: str) -> Json:
    now = time.time()
    valid_until = now + KEY_LIFETIME if pin_claim.keyed else max(pin_claim.claimed_at + DOUBLE_CLICK, now)
    return {
        "credential": pin_claim.key,
        "owner": pin_claim.owner,
        "request": pin_claim.request,
        "expires_at": int(now + KEY_LIFETIME),
        "lease_until": timestamp(now + CLAIM_LEASE),
        "valid_until": timestamp(valid_until),
        **values,
    }


def generate(settings: Json, request: PinRequest) -> Json:
    tenant = settings["tenant"]
    tracking = sign(tenant, request)
    pin = pin_of(settings, request, tracking)
    count("PinGenerated", tenant)
    log("INFO", "PIN generated", tenant=tenant, record=f"{request.table}:{request.sys_id}")
    link = f"{host(settings)}Customer/Code.aspx?Code={pin}"
    return {"pin": pin, "link": link, "tracking": tracking, "notifications": []}


def sign(tenant: str, request: PinRequest) -> str:
    """The signed Tracking0: the session's posts return it, and it names the record."""
    key = credentials(tenant).get("tracking-key")
    if not key:
        raise misconfigured("tracking-key")
    code = TABLE_CODES[request.table]
    signed = f"v1\n{tenant}\n{code}\n{request.sys_id}"
    signature = hmac.digest(key.encode(), signed.encode(), "sha256").hex()[:16]
    return f"{code}:{request.sys_id}:{signature}"


def pin_of(settings: Json, request: PinRequest, tracking: str) -> str:
    form = {"notechconsole": "0" if settings["rescue"].get("require_console") else "1", "tracking0": tracking}
    form |= {f"cfield{nth}": value for nth, value in enumerate(request.fields) if value}
    page = "requestPINCode"
    if request.node_id:
        page, form["NodeId"] = "requestPINCode_v3", request.node_id
    refused = None
    while True:
        authcode = access(settings, request.sso_id, refused)
        word, body = rescue(settings, page, {"authcode": authcode, **form})
        pin = re.search(r"PINCODE:\s*(\d{4,12})\b", body)
        if word == "OK" and pin:
            return pin[1]
        # Another sign-in has ended this one. After a second refusal another system signs in as this technician.
        if word != "INVALID_SECRETAUTHCODE" or refused:
            raise refused_by(word)
        refused = authcode


def access(settings: Json, sso_id: str, refused: str | None) -> str:
    """An administrator's API token, or the technician's authcode, which processes share."""
    tenant = settings["tenant"]
    token = credentials(tenant).get("rescue-api-token")
    if token:
        return token
    audience = f"{host(settings)} {settings['rescue']['company_id']}"
    key = f"{tenant}#rescue#{sso_id}"

    def taken(known: Json | None) -> str | None:
        if known is None or known["audience"] != audience or known["code"] == refused:
            return None
        return known["code"]

    def cache(code: str) -> None:
        _authcodes[key] = {"code": code, "audience": audience}

    def shared() -> str | None:
        code = taken(get(key))
        if code:
            cache(code)
        return code

    code = taken(_authcodes.get(key)) or shared()
    # A new sign-in ends the previous one, so only one process signs in at a time.
    lease, owner, until = f"{tenant}#lease#rescue#{sso_id}", str(uuid.uuid4()), time.time() + SIGN_IN_PATIENCE
    while not code and not take_lease(lease, owner):
        if time.time() > until:
            raise refused_by("no sign-in")
        time.sleep(SIGN_IN_POLL)
        code = shared()
    if code:
        return code
    try:
        code = shared()
        if code:
            return code
        code = sign_in(settings, sso_id)
        cache(code)
        now = time.time()
        times = {"obtained_at": timestamp(now), "expires_at": int(now + AUTHCODE_KEPT)}
        put({"credential": key, "code": code, "audience": audience, **times})
        return code
    finally:
        delete_owned(lease, owner)


def sign_in(settings: Json, sso_id: str) -> str:
    password = credentials(settings["tenant"]).get("sso-password")
    if not password:
        raise misconfigured("sso-password")
    form = {"ssoid": sso_id, "pwd": password, "company": settings["rescue"]["company_id"]}
    word, body = rescue(settings, "requestAuthCodeSSO", form)
    code = re.search(r"AUTHCODE:\s*(\S+)", body)
    if word != "OK" or not code:
        raise refused_by(word)
    return code[1]


def rescue(settings: Json, page: str, form: dict[str, str]) -> tuple[str, str]:
    """A call of Rescue's API. A form keeps secrets out of the URL. The answer's first word is the result."""
    url = urljoin(os.environ.get("RESCUE_ENDPOINT_URL") or host(settings), f"/API/{page}.aspx")
    try:
        response = http.request("POST", url, fields=form, encode_multipart=False, redirect=False)
    except urllib3.exceptions.HTTPError as error:
        raise refused_by(type(error).__name__) from None
    body = response.data.decode("utf-8-sig", "replace")
    word = re.match(r"\s*(\w+)", body)
    return (word[1].upper() if word else "nothing") if response.status == 200 else str(response.status), body


def host(settings: Json) -> str:
    rescue_settings = settings["rescue"]
    return urljoin(rescue_settings.get("base_url") or HOSTS[rescue_settings.get("account", "global")], "/")


def refused_by(word: str) -> Problem:
    return Problem(502, "rescue-unavailable", f"Rescue gave no PIN ({word}).")


def misconfigured(name: str) -> Problem:
    return Problem(500, "tenant-misconfigured", f"{name} is not set.")


def credentials(tenant: str) -> Json:
    """The tenant's secrets, cached for five minutes."""
    known = _secrets.get(tenant)
    if known is None or time.time() - known[0] >= SECRETS_FRESH:
        prefix = os.environ.get("SECRET_PREFIX") or "rescue-connector"
        read_at = time.time()
        secret = secrets_manager.get_secret_value(SecretId=f"{prefix}/{tenant}/credentials")
        known = _secrets[tenant] = read_at, json.loads(secret["SecretString"])
    return known[1]


# The credentials table.


def attributes(values: Json) -> Json:
    """DynamoDB attributes of integers and texts."""
    return {name: {"N": str(value)} if isinstance(value, int) else {"S": value} for name, value in values.items()}


def get(credential: str) -> Json | None:
    found = dynamodb.get_item(
        TableName=os.environ["CREDENTIALS_TABLE"], Key=attributes({"credential": credential}), ConsistentRead=True
    ).get("Item")
    return found and {name: value.get("S") for name, value in found.items()}


def put(
    item: Json, condition: str | None = None, names: dict[str, str] | None = None, values: Json | None = None
) -> None:
    conditional = condition and {
        "ConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": attributes(values or {}),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    dynamodb.put_item(TableName=os.environ["CREDENTIALS_TABLE"], Item=attributes(item), **(conditional or {}))


def take_lease(credential: str, owner: str) -> bool:
    now = time.time()
    until = now + SIGN_IN_LEASE
    lease = {"credential": credential, "owner": owner, "until": timestamp(until), "expires_at": int(until)}
    try:
        put(
            lease,
            "attribute_not_exists(credential) OR #until < :now OR #owner = :owner",
            {"#until": "until", "#owner": "owner"},
            {":now": timestamp(now), ":owner": owner},
        )
        return True
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False


def delete_owned(credential: str, owner: str) -> None:
    """Ignores a failure: a lease ends by itself."""
    try:
        dynamodb.delete_item(
            TableName=os.environ["CREDENTIALS_TABLE"],
            Key=attributes({"credential": credential}),
            ConditionExpression="#owner = :owner",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues=attributes({":owner": owner}),
        )
    except (BotoCoreError, ClientError) as error:
        log("WARN", "not given back", cause=type(error).__name__)
