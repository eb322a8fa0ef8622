// The SDK loads node:http anyway; fetch would load a second HTTP stack at the cold start.
import http from "node:http";
import https from "node:https";

const PLAIN = { request: http.request, agent: new http.Agent({ keepAlive: true }) };
const TLS = { request: https.request, agent: new https.Agent({ keepAlive: true }) };

/**
 * Sends a request on a persistent connection. Resolves for every status.
 * @param {string} method
 * @param {string} url
 * @param {{ headers?: Record<string, string>, body?: string, timeout?: number }} [options] `timeout` in milliseconds
 * @returns {Promise<{ status: number, headers: import("node:http").IncomingHttpHeaders, text: string }>}
 */
export function call(method, url, { headers = {}, body, timeout } = {}) {
    const { request, agent } = url.startsWith("https:") ? TLS : PLAIN;
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    return new Promise((resolve, reject) => {
        const sent = request(url, { method, agent, timeout, headers: { ...headers, ...length } }, (answer) => {
            const chunks = [];
            answer.on("data", (chunk) => chunks.push(chunk));
            answer.on("end", () => {
                const text = Buffer.concat(chunks).toString();
                resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text });
            });
            answer.on("error", reject);
        });
        sent.on("timeout", () => sent.destroy(new Error("time-out")));
        sent.on("error", reject);
        sent.end(body);
    });
}
