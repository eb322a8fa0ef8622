// The same as functions/generate-pin for a tenant without e-mails and notes, and a request with the record's sys_id: it
// claims the PIN request, asks Rescue once, and keeps the answer for repeats.
import { createHmac, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { DeleteItemCommand, GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { answer, answered, authenticate, bodyOf, CLIENT, count, dynamodb, log, Problem, sha256 } from "./connector.mjs";
import { call } from "./http.mjs";
import { run } from "./runtime.mjs";

const secretsManager = new SecretsManagerClient(CLIENT);

const SECOND = 1_000;
/** How long the same Idempotency-Key, or the same request without a key, gets the same PIN. */
const KEY_LIFETIME = 600 * SECOND;
const DOUBLE_CLICK = 3 * SECOND;
/** The time after which another process may take over a running PIN request. */
const CLAIM_LEASE = 35 * SECOND;
/** How long one process may sign in. */
const SIGN_IN_LEASE = 30 * SECOND;
const SIGN_IN_POLL = 200;
const AUTHCODE_KEPT = 30 * 24 * 3600 * SECOND;
const SECRETS_FRESH = 300 * SECOND;
const RESCUE_TIMEOUT = 8 * SECOND;

const HOSTS = {
    global: "https://secure.logmeinrescue.com",
    eu: "https://secure.logmeinrescue.eu",
    enterprise: "https://secure.logmeinrescue-enterprise.com",
};
const TABLE_CODES = { incident: "inc", sn_customerservice_case: "case" };
/** Rescue's length limits of cfield0 to cfield5. */
const FIELD_LIMITS = [64, 512, 512, 256, 64, 64];

const secrets = new Map();
const authcodes = new Map();

run((event, { requestId }) => {
    const { tenant } = event.pathParameters ?? {};
    return answered({ act: () => act(event), tenant, requestId, refused: "PinRefused" });
});

async function act(event) {
    const { tenant } = event.pathParameters ?? {};
    const [, key] = /^bearer +(\S+) *$/i.exec(event.headers.authorization ?? "") ?? [];
    const settings = await authenticate(tenant, "api", key, "pin");
    if (!settings) throw new Problem(401, "unauthorized", "Send an API key of this tenant as a bearer token.");
    if (!settings.enabled) throw new Problem(403, "tenant-disabled", "Switch the tenant on.");
    const request = read(event, settings);
    const pinClaim = claimOf(tenant, event.headers["idempotency-key"], request);
    const earlier = await claim(pinClaim);
    if (earlier) {
        count("PinReplayed", tenant);
        return answer(201, earlier, { "idempotent-replayed": "true" });
    }
    try {
        const body = await generate(settings, request);
        await keep(pinClaim, body);
        return answer(201, body);
    } catch (error) {
        await free(pinClaim);
        throw error;
    }
}

/** Parses the request. */
function read(event, settings) {
    let body;
    try {
        body = JSON.parse(bodyOf(event));
    } catch {
        throw invalid("Send a JSON object.");
    }
    const text = (value) => (typeof value === "string" ? value.trim() : "");
    const { technician, record, customer, fields } = body ?? {};
    const email = text(technician?.email);
    const request = {
        email,
        ssoId: text(technician?.sso_id) || email,
        nodeId: text(technician?.node_id),
        table: text(record?.table),
        sysId: text(record?.sys_id),
        fields: FIELD_LIMITS.map((limit, nth) => {
            const otherwise = [customer?.name, record?.number, customer?.email][nth];
            return [...text(fields?.[`cfield${nth}`] ?? otherwise)].slice(0, limit).join("");
        }),
    };
    if (!/^[^@\s]+@[^@\s]+$/.test(email)) throw invalid("technician.email has to be an e-mail address.");
    if (!Object.hasOwn(TABLE_CODES, request.table))
        throw invalid("record.table has to be incident or sn_customerservice_case.");
    if (!/^[0-9a-f]{32}$/.test(request.sysId)) throw invalid("record.sys_id has to be 32 hexadecimal digits.");
    const domains = settings.rescue.technician_domains ?? [];
    const inside = (address) => domains.some((domain) => address.toLowerCase().endsWith(`@${domain.toLowerCase()}`));
    if (domains.length > 0 && !(inside(email) && inside(request.ssoId))) {
        throw new Problem(403, "technician-not-allowed", "Ask the connector's administrator to add the domain.");
    }
    return request;
}

const invalid = (detail) => new Problem(400, "invalid-request", detail);

// Idempotency: an item is claimed first and holds the answer later.

function claimOf(tenant, key, request) {
    const { ssoId, nodeId, table, sysId } = request;
    const hashed = key ? `key\n${key}` : ["press", ssoId, nodeId, table, sysId].join("\n");
    return {
        key: `${tenant}#pin#${sha256(hashed)}`,
        request: sha256(JSON.stringify(request)),
        owner: randomUUID(),
        keyed: Boolean(key),
        claimedAt: Date.now(),
    };
}

/** Claims a PIN request. Returns the answer of an earlier one, if there is one. */
async function claim(pinClaim) {
    try {
        await put(
            claimItem(pinClaim, { state: "running" }),
            "attribute_not_exists(credential) OR #owner = :owner " +
                "OR (valid_until < :pressed_at AND (#state = :done OR lease_until < :now)) " +
                "OR (#state = :running AND lease_until < :now)",
            { "#owner": "owner", "#state": "state" },
            {
                ":owner": pinClaim.owner,
                ":pressed_at": time(pinClaim.claimedAt),
                ":now": time(Date.now()),
                ":done": "done",
                ":running": "running",
            },
        );
        return undefined;
    } catch (error) {
        if (error.name !== "ConditionalCheckFailedException") throw error;
        const item = error.Item ?? {};
        if (pinClaim.keyed && item.request?.S !== pinClaim.request) {
            throw new Problem(422, "idempotency-key-reused", "Send another Idempotency-Key with another request.");
        }
        if (item.state?.S === "done") return JSON.parse(item.answer.S);
        throw new Problem(409, "pin-in-progress", "Press again in a few seconds.");
    }
}

/** Keeps the answer for repeats. When that fails, a repeat gets another PIN. */
async function keep(pinClaim, body) {
    try {
        await put(
            claimItem(pinClaim, { state: "done", answer: JSON.stringify(body) }),
            "#owner = :owner",
            { "#owner": "owner" },
            { ":owner": pinClaim.owner },
        );
    } catch (error) {
        log("WARN", "the answer is not kept for repeats", { cause: error.name });
    }
}

/** Deletes the item of a failed PIN request, so that a repeat need not wait for the end of the lease. */
const free = (pinClaim) => deleteOwned(pinClaim.key, pinClaim.owner);

function claimItem(pinClaim, values) {
    const now = Date.now();
    const validUntil = pinClaim.keyed ? now + KEY_LIFETIME : Math.max(pinClaim.claimedAt + DOUBLE_CLICK, now);
    return {
        credential: pinClaim.key,
        owner: pinClaim.owner,
        request: pinClaim.request,
        expires_at: seconds(now + KEY_LIFETIME),
        lease_until: time(now + CLAIM_LEASE),
        valid_until: time(validUntil),
        ...values,
    };
}

// The PIN.

async function generate(settings, request) {
    const { tenant } = settings;
    const tracking = await sign(tenant, request);
    const pin = await pinOf(settings, request, tracking);
    count("PinGenerated", tenant);
    log("INFO", "PIN generated", { tenant, record: `${request.table}:${request.sysId}` });
    const link = `${host(settings)}Customer/Code.aspx?Code=${pin}`;
    return { pin, link, tracking, notifications: [] };
}

/** The signed Tracking0: the session's posts return it, and it names the record. */
async function sign(tenant, { table, sysId }) {
    const key = (await credentials(tenant))["tracking-key"];
    if (!key) throw misconfigured("tracking-key");
    const signed = ["v1", tenant, TABLE_CODES[table], sysId].join("\n");
    const signature = createHmac("sha256", key).update(signed).digest("hex").slice(0, 16);
    return `${TABLE_CODES[table]}:${sysId}:${signature}`;
}

async function pinOf(settings, request, tracking) {
    const form = {
        notechconsole: settings.rescue.require_console ? "0" : "1",
        tracking0: tracking,
        ...Object.fromEntries(request.fields.map((value, nth) => [`cfield${nth}`, value]).filter(([, value]) => value)),
        ...(request.nodeId && { NodeId: request.nodeId }),
    };
    const page = request.nodeId ? "requestPINCode_v3" : "requestPINCode";
    let refused;
    for (;;) {
        const authcode = await access(settings, request.ssoId, refused);
        const { word, body } = await rescue(settings, page, { authcode, ...form });
        const [, pin] = /PINCODE:\s*(\d{4,12})\b/.exec(body) ?? [];
        if (word === "OK" && pin) return pin;
        // Another sign-in has ended this one. After a second refusal another system signs in as this technician.
        if (word !== "INVALID_SECRETAUTHCODE" || refused) throw refusedBy(word);
        refused = authcode;
    }
}

/** An administrator's API token, or the technician's authcode, which processes share. */
async function access(settings, ssoId, refused) {
    const { tenant } = settings;
    const token = (await credentials(tenant))["rescue-api-token"];
    if (token) return token;
    const audience = `${host(settings)} ${settings.rescue.company_id}`;
    const key = `${tenant}#rescue#${ssoId}`;
    const takes = (known) => known && known.audience === audience && known.code !== refused;
    if (takes(authcodes.get(key))) return authcodes.get(key).code;

    const known = async () => {
        const item = await get(key);
        const shared = item && { code: item.code.S, audience: item.audience.S };
        if (!takes(shared)) return undefined;
        authcodes.set(key, shared);
        return shared.code;
    };
    // A new sign-in ends the previous one, so only one process signs in at a time.
    const [lease, owner, until] = [`${tenant}#lease#rescue#${ssoId}`, randomUUID(), Date.now() + RESCUE_TIMEOUT];
    let code = await known();
    while (!code && !(await takeLease(lease, owner))) {
        if (Date.now() > until) throw refusedBy("no sign-in");
        await sleep(SIGN_IN_POLL);
        code = await known();
    }
    if (code) return code;
    try {
        code = await known();
        if (code) return code;
        code = await signIn(settings, ssoId);
        authcodes.set(key, { code, audience });
        const now = Date.now();
        await put({
            credential: key,
            code,
            audience,
            obtained_at: time(now),
            expires_at: seconds(now + AUTHCODE_KEPT),
        });
        return code;
    } finally {
        await deleteOwned(lease, owner);
    }
}

async function signIn(settings, ssoId) {
    const pwd = (await credentials(settings.tenant))["sso-password"];
    if (!pwd) throw misconfigured("sso-password");
    const form = { ssoid: ssoId, pwd, company: settings.rescue.company_id };
    const { word, body } = await rescue(settings, "requestAuthCodeSSO", form);
    const [, code] = /AUTHCODE:\s*(\S+)/.exec(body) ?? [];
    if (word !== "OK" || !code) throw refusedBy(word);
    return code;
}

/** A call of Rescue's API. A form keeps secrets out of the URL. The answer's first word is the result. */
async function rescue(settings, page, form) {
    const base = process.env.RESCUE_ENDPOINT_URL ?? host(settings);
    const { status, text } = await call("POST", new URL(`/API/${page}.aspx`, base).href, {
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams(form).toString(),
        timeout: RESCUE_TIMEOUT,
    }).catch((error) => {
        throw refusedBy(error.message);
    });
    const [, word = "nothing"] = /^\uFEFF?\s*(\w+)/.exec(text) ?? [];
    return { word: status === 200 ? word.toUpperCase() : String(status), body: text };
}

const host = ({ rescue: { account, base_url } }) => new URL(base_url ?? HOSTS[account ?? "global"]).href;
const refusedBy = (word) => new Problem(502, "rescue-unavailable", `Rescue gave no PIN (${word}).`);
const misconfigured = (name) => new Problem(500, "tenant-misconfigured", `${name} is not set.`);

/** The tenant's secrets, cached for five minutes. */
async function credentials(tenant) {
    const known = secrets.get(tenant);
    if (known && Date.now() - known.readAt < SECRETS_FRESH) return known.values;
    const readAt = Date.now();
    const SecretId = `${process.env.SECRET_PREFIX ?? "rescue-connector"}/${tenant}/credentials`;
    const { SecretString } = await secretsManager.send(new GetSecretValueCommand({ SecretId }));
    const values = JSON.parse(SecretString);
    secrets.set(tenant, { readAt, values });
    return values;
}

// The credentials table.

const TableName = process.env.CREDENTIALS_TABLE;
const time = (millis) => new Date(millis).toISOString();
const seconds = (millis) => Math.floor(millis / SECOND);

/** DynamoDB attributes of integers and texts. */
const attributes = (values) =>
    Object.fromEntries(
        Object.entries(values).map(([name, value]) => [
            name,
            typeof value === "number" ? { N: String(value) } : { S: value },
        ]),
    );

async function get(credential) {
    const { Item: item } = await dynamodb.send(
        new GetItemCommand({ TableName, Key: attributes({ credential }), ConsistentRead: true }),
    );
    return item;
}

async function put(item, ConditionExpression, ExpressionAttributeNames, values) {
    const condition = ConditionExpression && {
        ConditionExpression,
        ExpressionAttributeNames,
        ExpressionAttributeValues: attributes(values),
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    };
    await dynamodb.send(new PutItemCommand({ TableName, Item: attributes(item), ...condition }));
}

async function takeLease(credential, owner) {
    const [now, until] = [Date.now(), Date.now() + SIGN_IN_LEASE];
    try {
        await put(
            { credential, owner, until: time(until), expires_at: seconds(until) },
            "attribute_not_exists(credential) OR #until < :now OR #owner = :owner",
            { "#until": "until", "#owner": "owner" },
            { ":now": time(now), ":owner": owner },
        );
        return true;
    } catch (error) {
        if (error.name !== "ConditionalCheckFailedException") throw error;
        return false;
    }
}

/** Ignores a failure: a lease ends by itself. */
async function deleteOwned(credential, owner) {
    try {
        await dynamodb.send(
            new DeleteItemCommand({
                TableName,
                Key: attributes({ credential }),
                ConditionExpression: "#owner = :owner",
                ExpressionAttributeNames: { "#owner": "owner" },
                ExpressionAttributeValues: attributes({ ":owner": owner }),
            }),
        );
    } catch (error) {
        log("WARN", "not given back", { cause: error.name });
    }
}
