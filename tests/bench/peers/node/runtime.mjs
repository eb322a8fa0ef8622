// The least that the Lambda runtime API asks for. AWS's own client of it needs a native build, and does more: this one
// flatters Node.js.
import { call } from "./http.mjs";

const INVOCATIONS = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;

/**
 * Hands one event after the other to the handler, for as long as the process lives.
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
