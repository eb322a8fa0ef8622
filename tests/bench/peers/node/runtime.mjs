// A minimal client of the Lambda runtime API. AWS's own client needs a native build and does more, so this one makes
// Node.js faster than it is in AWS.
import { call } from "./http.mjs";

const INVOCATIONS = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;

/**
 * Calls the handler with one event after the other, until the process is killed.
 * @param {(event: any, context: { requestId: string }) => Promise<object>} handler
 */
export async function run(handler) {
    for (;;) {
        const next = await call("GET", `${INVOCATIONS}/next`);
        const requestId = String(next.headers["lambda-runtime-aws-request-id"]);
        try {
            const answer = await handler(JSON.parse(next.text), { requestId });
            await call("POST", `${INVOCATIONS}/${requestId}/response`, { body: JSON.stringify(answer) });
        } catch (error) {
            const body = JSON.stringify({ errorType: error.name, errorMessage: error.message });
            await call("POST", `${INVOCATIONS}/${requestId}/error`, { body });
        }
    }
}
