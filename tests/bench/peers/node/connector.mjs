// What both functions do: know who asks, say what happened, answer.
import { createHash, timingSafeEqual } from "node:crypto";
import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";

/** What every client of the SDK is made with. It keeps connections by itself. */
export const CLIENT = { maxAttempts: 3, requestHandler: { connectionTimeout: 5_000, requestTimeout: 3_000 } };

export const dynamodb = new DynamoDBClient(CLIENT);

/** A tenant that was read is used for so many milliseconds. */
const FRESH = 60_000;
const tenants = new Map();

/** A request that is refused: what the caller can do about it stands in `detail`. */
export class Problem extends Error {
    constructor(status, code, detail) {
        super(detail);
        Object.assign(this, { status, code });
    }
}

/** SHA-256, hexadecimal. */
export const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/**
 * The settings of the tenant that the key opens; `undefined` when there is none.
 * @param {string | undefined} tenant
 * @param {"webhook" | "api"} kind
 * @param {string | undefined} presented
 * @param {"pin"} [scope]
 */
export async function authenticate(tenant, kind, presented, scope) {
    if (!presented || !/^[a-z0-9-]{2,40}$/.test(tenant ?? "")) return undefined;
    let known = tenants.get(tenant);
    if (!known || Date.now() - known.readAt >= FRESH) {
        known = await read(tenant);
        if (!known) return undefined;
        tenants.set(tenant, known);
    }
    const hash = Buffer.from(sha256(presented));
    // Every key is compared, so that the time tells nothing about which one it was.
    const fitting = known.keys.filter((key) => {
        const same = timingSafeEqual(Buffer.from(key.sha256), hash);
        return same && key.kind === kind && (!scope || key.scopes?.includes(scope));
    });
    return fitting.length > 0 ? known.settings : undefined;
}

async function read(tenant) {
    const readAt = Date.now();
    const { Item: item } = await dynamodb.send(
        new GetItemCommand({
            TableName: process.env.TENANTS_TABLE,
            Key: { tenant: { S: tenant } },
            ConsistentRead: true,
        }),
    );
    return item && { readAt, settings: JSON.parse(item.config.S), keys: JSON.parse(item.keys.S) };
}

/** One line for people. */
export function log(level, message, fields) {
    console.log(JSON.stringify({ timestamp: new Date().toISOString(), level, message, ...fields }));
}

/** Counts one, in CloudWatch's embedded metric format. */
export function count(metric, tenant) {
    const CloudWatchMetrics = [{ Namespace: "RescueConnector", Dimensions: [[]], Metrics: [{ Name: metric }] }];
    console.log(JSON.stringify({ _aws: { Timestamp: Date.now(), CloudWatchMetrics }, tenant, [metric]: 1 }));
}

/** An answer for API Gateway. */
export function answer(statusCode, body, headers = {}) {
    return {
        statusCode,
        headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
        body: JSON.stringify(body),
    };
}

/**
 * What `act` answers. What it throws becomes a refusal, counted under `refused`.
 * @param {{ act: () => Promise<object>, tenant: string | undefined, requestId: string, refused: string }} request
 */
export async function answered({ act, tenant, requestId, refused }) {
    try {
        return await act();
    } catch (error) {
        const problem =
            error instanceof Problem ? error : new Problem(503, "storage-unavailable", "Try again in half a minute.");
        const { status, code, message: detail } = problem;
        // The SDK's messages may quote what was sent; its names do not.
        log("WARN", code, { tenant, detail, cause: error === problem ? undefined : error.name });
        count(refused, tenant);
        const body = { code, status, detail, request_id: requestId };
        return answer(status, body, { "content-type": "application/problem+json" });
    }
}

/** The body's text, however API Gateway passes it on. */
export function bodyOf(event) {
    const body = event.body ?? "";
    return event.isBase64Encoded ? Buffer.from(body, "base64").toString() : body;
}
