#!/usr/bin/env bash
# Starts the embedded cloud, with its demo tenant and both simulators, and runs the app's scripts against it.
# LOCAL_STACK names an already built program to start in place of `cargo run --`.
set -euo pipefail
cd "$(dirname "$0")/../.."

port="${LOCAL_STACK_PORT:-8470}"
log="$(mktemp)"
if [[ -n "${LOCAL_STACK:-}" ]]; then start=("$LOCAL_STACK"); else start=(cargo run --quiet --); fi
"${start[@]}" up --port "$port" >"$log" 2>&1 &
stack=$!
trap 'kill -INT "$stack" 2>/dev/null || true; wait "$stack" 2>/dev/null || true; rm -f "$log"' EXIT

# The first start of a fresh checkout builds everything.
for _ in $(seq 1 9000); do
    grep -q 'Ctrl-C ends it' "$log" && break
    if ! kill -0 "$stack" 2>/dev/null; then
        cat "$log" >&2
        exit 1
    fi
    sleep 0.1
done

one() { sed -n "$1" "$log" | head -n 1; }
CONNECTOR_URL="$(one 's/^HTTP API  *\(http[^ ]*\)$/\1/p')"
AWS_URL="$(one 's/^AWS  *\(http[^ ]*\)$/\1/p')"
SERVICENOW_URL="$(one 's/^ServiceNow  *\(http[^ ]*\)$/\1/p')"
# The demo's tenant, people and client are those of local/src/demo_tenant.rs.
constant() { sed -n "s/^\(pub \)\{0,1\}const $1: &str = \"\(.*\)\";$/\2/p" local/src/demo_tenant.rs; }
TENANT="$(constant TENANT)"
COMPANY_ID="$(constant COMPANY_ID)"
SSO_PASSWORD="$(constant SSO_PASSWORD)"
CLIENT_ID="$(constant CLIENT_ID)"
CLIENT_SECRET="$(constant CLIENT_SECRET)"
SERVICE_ACCOUNT="$(constant SERVICE_ACCOUNT)"
SERVICE_PASSWORD="$(constant SERVICE_ACCOUNT_PASSWORD)"
TECHNICIAN="$(constant TECHNICIAN)"
CUSTOMER="$(constant CUSTOMER)"
OPERATOR="${start[*]} cli --port $port"
STACK_LOG="$log"
for name in CONNECTOR_URL AWS_URL SERVICENOW_URL TENANT OPERATOR STACK_LOG COMPANY_ID SSO_PASSWORD CLIENT_ID \
    CLIENT_SECRET SERVICE_ACCOUNT SERVICE_PASSWORD TECHNICIAN CUSTOMER; do
    if [[ -z "${!name}" ]]; then
        echo "against-local-stack.sh: $name was not found in what the stack prints" >&2
        exit 1
    fi
    export "${name?}"
done

# One file after the other: they move the stack's clock.
if ! node --test --test-reporter=spec --test-concurrency=1 servicenow/test/local-stack.test.js \
    servicenow/test/set-up.test.js; then
    echo 'What the stack printed:' >&2
    cat "$log" >&2
    exit 1
fi
