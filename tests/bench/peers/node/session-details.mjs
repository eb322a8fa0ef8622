// The same as functions/session-details: a post is in the queue before it is answered. Without posts in XML and without
// the dead letters of unreadable posts: neither is measured.
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { answer, answered, authenticate, bodyOf, CLIENT, count, log, Problem } from "./connector.mjs";
import { run } from "./runtime.mjs";

// By default the SDK calls the host of the queue's URL in place of the configured endpoint.
const sqs = new SQSClient({ ...CLIENT, useQueueUrlAsEndpoint: false });

/** The size limit of SQS, less room for the attributes. */
const MESSAGE_LIMIT = 1024 * 1024 - 8 * 1024;

const VARIABLES = new Map(
    [
        ...["SessionID", "TechID", "TechSSOID", "TechName", "TechEmail", "TechDescr"],
        ...["CField0", "CField1", "CField2", "CField3", "CField4", "CField5", "Tracking0", "ChatLog", "Notes"],
        ...["WaitingTime", "PickupTime", "ClosingTime", "WorkTime", "LastActionTime", "Transmitted", "Platform"],
    ].map((name) => [name.toLowerCase(), name]),
).set("note", "Notes");

run((event, { requestId }) => {
    const { tenant } = event.pathParameters ?? {};
    return answered({ act: () => act(event), tenant, requestId, refused: "PostRefused" });
});

async function act(event) {
    const { tenant, key } = event.pathParameters ?? {};
    const settings = await authenticate(tenant, "webhook", key);
    if (!settings) throw new Problem(404, "not-found", "Check the URL.");
    if (event.requestContext.http.method === "GET") return { statusCode: 204 };
    if (!settings.enabled) {
        count("PostIgnored", tenant);
        return answer(200, { status: "ignored" });
    }
    const post = read(event, tenant);
    await sqs.send(
        new SendMessageCommand({
            QueueUrl: process.env.SESSIONS_QUEUE_URL,
            MessageBody: encode(post),
            MessageGroupId: `${tenant}#${post.session_id}`,
            MessageDeduplicationId: post.digest,
        }),
    );
    count("PostAccepted", tenant);
    const seen = { tenant, session: post.session_id, digest: post.digest.slice(0, 16), event: post.event };
    log("INFO", "post accepted", seen);
    return answer(200, { status: "accepted", session_id: post.session_id, delivery: post.digest });
}

/** The post as a queue message. */
function read(event, tenant) {
    const { fields, unknown } = parse(bodyOf(event));
    const sessionId = fields.SessionID?.trim();
    if (!sessionId) throw new Problem(400, "missing-session-id", "Send the variable SessionID.");
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(sessionId)) {
        throw new Problem(400, "invalid-session-id", "Send 1 to 64 of A-Z a-z 0-9 _ - as SessionID.");
    }
    const moment = event.queryStringParameters?.event?.trim().toLowerCase();
    const ended = fields.ClosingTime?.trim() || fields.WorkTime?.trim() ? "ended" : "started";
    const resolved = moment === "started" || moment === "ended" ? moment : ended;
    const texts = [fields, unknown].flatMap((values) =>
        Object.keys(values)
            .sort()
            .flatMap((name) => [name, values[name]]),
    );
    return {
        v: 1,
        tenant,
        session_id: sessionId,
        event: resolved,
        received_at: new Date().toISOString(),
        digest: digest([tenant, sessionId, resolved, ...texts]),
        fields,
        unknown_fields: unknown,
    };
}

/** SHA-256 over texts, each after its length, so that different lists of texts have different hashes. */
function digest(texts) {
    const hash = createHash("sha256");
    for (const text of texts) {
        const length = Buffer.alloc(8);
        length.writeBigUInt64BE(BigInt(Buffer.byteLength(text)));
        hash.update(length).update(text);
    }
    return hash.digest("hex");
}

/** All values of the body (JSON or an HTML form). Documented ones get their documented names. */
function parse(body) {
    // Senders choose the names of unknown values: without a prototype none of them has a meaning in JavaScript.
    const found = { fields: {}, unknown: Object.create(null) };
    const insert = (key, value) => {
        const documented = VARIABLES.get(key.trim().toLowerCase());
        const [values, name] = documented ? [found.fields, documented] : [found.unknown, key.trim().toLowerCase()];
        const before = values[name];
        // A key that comes twice keeps both texts.
        values[name] = before && value && before !== value ? `${before}\n${value}` : before || value;
    };
    if (!body.trimStart().startsWith("{")) {
        for (const [key, value] of new URLSearchParams(body)) insert(key, value);
        return found;
    }
    for (const [key, value] of Object.entries(json(body))) {
        insert(key, typeof value === "string" ? value : value === null ? "" : JSON.stringify(value));
    }
    return found;
}

function json(body) {
    try {
        return JSON.parse(body);
    } catch {
        throw new Problem(400, "malformed-body", "Choose HTML form or JSON for exporting session data.");
    }
}

/** The message's text, compressed only where it exceeds the limit. */
function encode(post) {
    // JSON allows these two characters, and SQS refuses them.
    const plain = JSON.stringify(post).replaceAll("\ufffe", "\\ufffe").replaceAll("\uffff", "\\uffff");
    if (Buffer.byteLength(plain) <= MESSAGE_LIMIT) return plain;
    const { fields, unknown_fields, ...rest } = post;
    const compressed = gzipSync(JSON.stringify({ fields, unknown_fields })).toString("base64");
    const packed = JSON.stringify({ ...rest, compressed });
    if (packed.length > MESSAGE_LIMIT) {
        throw new Problem(413, "body-too-large", "Export less of the session; nothing of this post was stored.");
    }
    return packed;
}
