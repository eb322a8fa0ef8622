# What .ci/run and .ci/artefacts share; both source it from the project's folder.
# shellcheck shell=bash

# One set of flags for every step, so that none rebuilds what another one built.
unset RUSTFLAGS RUSTDOCFLAGS
export SAM_CLI_TELEMETRY=0
mkdir -p "${CARGO_TARGET_DIR:-target}"
target="$(cd "${CARGO_TARGET_DIR:-target}" && pwd)"

step() {
    local name="$1" started="$SECONDS"
    shift
    printf '\n== %s: %s\n' "$name" "$*"
    if ! "$@"; then
        printf '== %s FAILED after %d s\n' "$name" "$((SECONDS - started))"
        exit 1
    fi
    printf '== %s passed in %d s\n' "$name" "$((SECONDS - started))"
}

# python_tools FOLDER PACKAGE==VERSION…: an environment with these packages, and used again as long as they are the same.
python_tools() {
    local venv="$1" wanted="${*:2}"
    if [[ -x "$venv/bin/python" && "$(cat "$venv/installed" 2>/dev/null)" == "$wanted" ]]; then
        return
    fi
    # Some distributions ship python3 without ensurepip: their own pip then fills an empty environment.
    if python3 -m venv --clear "$venv" >/dev/null 2>&1; then
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "${@:2}" || return
    else
        python3 -m venv --clear --without-pip "$venv" || return
        python3 -m pip --python "$venv/bin/python" install --quiet --disable-pip-version-check "${@:2}" || return
    fi
    printf '%s\n' "$wanted" >"$venv/installed"
}
