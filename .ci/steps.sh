# What .ci/run and .ci/artefacts share; both source it from the project's folder.
# shellcheck shell=bash

# The same flags in every step, so that no step compiles again what another one has compiled.
unset RUSTFLAGS RUSTDOCFLAGS
export SAM_CLI_TELEMETRY=0
mkdir -p "${CARGO_TARGET_DIR:-target}"
target="$(cd "${CARGO_TARGET_DIR:-target}" && pwd)"

logs="$(mktemp -d)"
declare -A beside=()
end_run() {
    local group
    for group in "${beside[@]}"; do
        kill -- "-$group" 2>/dev/null || true
    done
    rm -rf "$logs"
}
trap end_run EXIT

# step NAME COMMAND…: ends the run where the command fails, or where a lane has failed meanwhile.
step() {
    local name="$1" started="$SECONDS"
    shift
    printf '\n== %s: %s\n' "$name" "$*"
    if ! "$@"; then
        printf '== %s FAILED after %d s\n' "$name" "$((SECONDS - started))"
        exit 1
    fi
    printf '== %s passed in %d s\n' "$name" "$((SECONDS - started))"
    collect
}

# lane NAME: runs the function of this name, a sequence of steps, beside the steps that follow. `collect` prints its
# output in one piece.
lane() {
    set -m # a process group, which end_run ends
    (
        beside=()
        "$1"
    ) >"$logs/$1" 2>&1 &
    beside["$1"]=$!
    set +m
}

# collect [NAME…]: prints the lanes that have ended, waits for those that are named, and ends the run where one failed.
collect() {
    local name passed
    for name in "${!beside[@]}"; do
        if [[ " $* " != *" $name "* ]] && kill -0 "${beside[$name]}" 2>/dev/null; then
            continue
        fi
        passed=true
        wait "${beside[$name]}" || passed=false
        unset "beside[$name]"
        cat "$logs/$name"
        "$passed" || exit 1
    done
}

# python_tools FOLDER PACKAGE==VERSION…: a virtual environment with these packages. It is kept while they are the same.
python_tools() {
    local venv="$1" wanted="${*:2}"
    if [[ -x "$venv/bin/python" && "$(cat "$venv/installed" 2>/dev/null)" == "$wanted" ]]; then
        return
    fi
    # Some distributions ship python3 without ensurepip: there the system's pip installs into an empty environment.
    if python3 -m venv --clear "$venv" >/dev/null 2>&1; then
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "${@:2}" || return
    else
        python3 -m venv --clear --without-pip "$venv" || return
        python3 -m pip --python "$venv/bin/python" install --quiet --disable-pip-version-check "${@:2}" || return
    fi
    printf '%s\n' "$wanted" >"$venv/installed"
}
