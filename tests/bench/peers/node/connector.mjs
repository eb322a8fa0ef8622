// Authentication, logging, metrics and responses of both functions.
import { createHash, timingSafeEqual } from "node:crypto";
import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";

/** The configuration of every SDK client. The SDK keeps connections open. */
export const CLIENT = { maxAttempts: 3, requestHandler: { connectionTimeout: 5_000, requestTimeout: 3_000 } };

export const dynamodb = new DynamoDBClient(CLIENT);

/** Milliseconds for which a tenant is cached. */
const FRESH = 60_000;
const tenants = new Map();

/** A refused request. `detail` tells the caller what to do. */
export class Problem extends Error {
    constructor(status, code, detail) {
        super(detail);
        Object.assign(this, { status, code });
    }
}

/** SHA-256, hexadecimal. */
export const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/**
 * The settings of the tenant with this key; `undefined` when tenant or key is wrong.
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
    // Every key is compared, so that the time does not depend on which one matches.
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

/** Writes a log line. */
export function log(level, message, fields) {
    console.log(JSON.stringify({ timestamp: new Date().toISOString(), level, message, ...fields }));
}

/** Adds one to a metric, in CloudWatch's embedded metric format. */
export function count(metric, tenant) {
    const CloudWatchMetrics = [{ Namespace: "RescueConnector", Dimensions: [[]], Metrics: [{ Name: metric }] }];
    console.log(JSON.stringify({ _aws: { Timestamp: Date.now(), CloudWatchMetrics }, tenant, [metric]: 1 }));
}

/** A response for API Gateway. */
export function answer(statusCode, body, headers = {}) {
    return {
        statusCode,
        headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
        body: JSON.stringify(body),
    };
}

/**
 * The response of `act`. An error becomes a problem response, counted by the metric `refused`.
 * @param {{ act: () => Promise<object>, tenant: string | undefined, requestId: string, refused: string }} request
 */
export async function answered({ act, tenant, requestId, refused }) {
    try {
        return await act();
    } catch (error) {
        const problem =
            error instanceof Problem ? error : new Problem(503, "storage-unavailable", "Try again in half a minute.");
        const { status, code, message: detail } = problem;
        // The SDK's messages may quote the request; the names of its errors do not.
        log("WARN", code, { tenant, detail, cause: error === problem ? undefined : error.name });
        count(refused, tenant);
        const body = { code, status, detail, request_id: requestId };
        return answer(status, body, { "content-type": "application/problem+json" });
    }
}

/** The body's text; API Gateway may encode it in base64. */
export function bodyOf(event) {
    const body = event.body ?? "";
    return event.isBase64Encoded ? Buffer.from(body, "base64").toString() : body;
}
