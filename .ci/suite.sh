# Sourced by `run` and `long`: runs suites, installs the tools that they need, and reports the times
# and budgets.

export CARGO_TERM_COLOR=never
export CARGO_INCREMENTAL=0
report=""

# suite NAME BUDGET COMMAND …: runs a suite. The budget is in minutes on two cores and is only
# reported.
suite() {
    local name=$1 budget=$2 started=$SECONDS
    shift 2
    printf '\n=== %s: %s\n' "$name" "$*"
    if ! "$@"; then
        printf '\n%s\nFAILED: %s\n' "$report" "$name"
        exit 1
    fi
    report+=$(printf '%-12s %6d s of %3d min' "$name" $((SECONDS - started)) "$budget")$'\n'
}

# tools CRATE@VERSION …: installs cargo subcommands, and the Debian packages that the suites need.
tools() {
    # A C compiler for ring, a C++ compiler for the fuzzer, patch for the mutants, npm for the parser
    # of AsyncAPI, Python and curl for the contract. `./test` installs what the tests need.
    local missing=() tool
    command -v cc >/dev/null || missing+=(gcc libc6-dev)
    command -v c++ >/dev/null || missing+=(g++)
    command -v patch >/dev/null || missing+=(patch)
    command -v curl >/dev/null || missing+=(curl)
    python3 -m venv --help >/dev/null 2>&1 || missing+=(python3 python3-venv)
    command -v npm >/dev/null || missing+=(nodejs npm)
    if [ ${#missing[@]} -gt 0 ]; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    fi
    # They run for seconds, and take minutes to optimize.
    for tool in "$@"; do
        command -v "${tool%@*}" >/dev/null ||
            cargo install --debug --locked --quiet --version "^${tool#*@}" "${tool%@*}"
    done
    cargo --version
}

# fuzz SECONDS CRATE …: fuzzes each target of these crates for that long, two at a time, to find inputs
# beyond the corpora. The tests play the corpora themselves. It runs in a subshell, so that only the
# fuzzers are built in a target folder of their own.
fuzz() (
    seconds=$1
    shift
    export CARGO_TARGET_DIR=$PWD/target/fuzz
    for crate in "$@"; do
        (cd "$crate" && cargo fuzz build --sanitizer none) || return 1
    done
    for crate in "$@"; do
        for target in "$crate"/fuzz/fuzz_targets/*.rs; do
            printf '%s/%s\n' "$crate" "$(basename "$target" .rs)"
        done
    done | xargs -P 2 -I TARGET bash -c 'fuzz_one TARGET '"$seconds"
)

fuzz_one() {
    local target=$1 seconds=$2 found
    found=$(mktemp -d)
    cd "${target%/*}"
    cargo fuzz run --sanitizer none "${target#*/}" "$found" \
        "fuzz/corpus/${target#*/}" -- -max_total_time="$seconds" -max_len=4096 \
        -print_final_stats=1 -verbosity=0 || return 255
    rm -rf "$found"
}
export -f fuzz_one
