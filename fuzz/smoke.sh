#!/usr/bin/env bash
# Fuzzes each target for a while, from the examples, the diagnostics' cases, and the inputs that once failed.
#
#   fuzz/smoke.sh [SECONDS [TARGET...]]
#
# What fails is in fuzz/artifacts/; mend it and keep the input in fuzz/regressions/TARGET/. Chance begins with the number
# FUZZ_SEED, so that what a short run does is the same again and again; 0 begins anywhere. What was learnt is thrown away
# unless FUZZ_CORPUS names a folder for it.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
shift || true
if [ "$seconds" = 0 ]; then
  echo "fuzzing: SKIPPED, no time is given to it" >&2
  exit 0
fi
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(parse format check engines traffic)

export RUSTUP_AUTO_INSTALL=0 # a toolchain that is not there is not fetched
if ! cargo +nightly --version >/dev/null 2>&1 || ! cargo +nightly fuzz --version >/dev/null 2>&1; then
  echo "fuzzing: SKIPPED, it needs a nightly toolchain and cargo-fuzz" >&2
  exit 0
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/policies" "$scratch/lines"
for folder in examples compiler/tests/diagnostics compiler/tests/policies grammar/tests/data cli/templates; do
  find "$folder" -name '*.rl' -size -16k | while read -r file; do
    cp "$file" "$scratch/policies/${file//\//_}"
  done
done
for file in examples/*.jsonl cli/templates/*.jsonl; do
  head -c 4096 "$file" >"$scratch/lines/${file//\//_}"
done
printf '%s\n' '192.0.2.7 - ada [10/Oct/2000:13:55:36 -0700] "GET /a%20b?x=1 HTTP/1.1" 200 2326 "http://a/" "Mozilla \"5\""' \
  >"$scratch/lines/combined.log"

# Without the address sanitizer: there is no unsafe code but the code generator's, what machine code reads it does not see, and
# Miri sees the rest. All targets are one build then, and run more inputs.
flags=(--sanitizer none --codegen-units 16 --features jit)
cargo +nightly fuzz build "${flags[@]}"

# Fuzzes one target, and prints what came of it when it is over.
smoke() {
  local target=$1 log=$scratch/$1.log
  local corpus=${FUZZ_CORPUS:-$scratch/corpus}/$target
  mkdir -p "$corpus" "fuzz/artifacts/$target"
  local seeds=("$scratch/policies") options=(-dict=fuzz/policy.dict -max_len=4096)
  if [ "$target" = traffic ]; then
    seeds=("$scratch/lines")
    options=(-max_len=4096)
  fi
  [ ! -d "fuzz/regressions/$target" ] || seeds+=("fuzz/regressions/$target")
  # In the same order on every file system.
  find "${seeds[@]}" -type f | LC_ALL=C sort | paste -sd, >"$scratch/$target.seeds"
  # An input that takes so long is as bad as one that panics.
  cargo +nightly fuzz run "${flags[@]}" "$target" "$corpus" -- \
    -seed_inputs="@$scratch/$target.seeds" -seed="${FUZZ_SEED:-1}" -max_total_time="$seconds" \
    -timeout=30 -rss_limit_mb=2048 -print_final_stats=1 "${options[@]}" >"$log" 2>&1 || true
  printf '\n-- %s, %s s\n' "$target" "$seconds"
  grep -E '^(stat::|SUMMARY|thread|==|assert|Failing|.*ERROR)|panicked|artifact' "$log" | grep -v 'Running' || true
  if ! grep -q '^stat::number_of_executed_units' "$log" || grep -qE 'SUMMARY|panicked' "$log"; then
    tail -n 60 "$log"
    echo "fuzzing: $target failed"
    return 1
  fi
}

# As many at once as there are processors.
failed=0
for target in "${targets[@]}"; do
  while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
    wait -n || failed=1
  done
  smoke "$target" &
done
while [ "$(jobs -p | wc -l)" -gt 0 ]; do
  wait -n || failed=1
done
exit "$failed"
