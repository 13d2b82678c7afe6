#!/bin/sh
# SPDX-License-Identifier: MIT
# ci.sh [STAGE... | --without STAGE] - the quality gate; CI and developers run the same thing.
#
# Stages: format gcc asan tsan tidy coverage figures. Each builds under $CI_OUT (build-ci); tidy
# shares no folder with others, and may run beside them. A stage that fails does not stop the
# next. The last line counts stages: "N passed, N failed".
# FUZZ_S: seconds of fuzzing a target (10). FUZZ_SEED: where it begins (1; 0: anywhere).
# GATE_S: seconds for all stages together (4200); what hangs is a failure, not a gate
# without an end.
set -eu
cd "$(dirname "$0")/.."
out=${CI_OUT:-build-ci}
jobs=$(nproc)
patience=2 # how many times longer a test may take than it says
MESON_TESTTHREADS=$((jobs + 1)) # as in scripts/test
export MESON_TESTTHREADS

# Kernels that randomise more than these sanitizers expect: keep addresses where they are.
still=''
if setarch -R true 2>/dev/null; then
	still='setarch -R'
fi

sources() { # PATTERN... of files under version control
	git -c safe.directory="$PWD" ls-files -- "$@"
}

configure() { # NAME CC MESON-ARGS...
	dir=$out/$1
	log=$out/setup-$1.log
	cc=$2
	shift 2
	if [ ! -f "$dir/build.ninja" ]; then
		CC=$cc meson setup "$dir" --werror "$@" >"$log" || {
			cat "$log"
			return 1
		}
	fi
}

build() { # NAME CC MESON-ARGS...
	configure "$@" || return 1
	nice ninja -C "$dir" --quiet -k 0
}

run_tests() { # NAME MESON-TEST-ARGS...
	name=$1
	shift
	# shellcheck disable=SC2086 # $still is a command and its option, or nothing
	nice $still meson test -C "$out/$name" --no-rebuild --print-errorlogs --quiet \
		--timeout-multiplier $patience "$@"
}

stage_format() {
	if ! sources '*.[ch]' | xargs clang-format-14 --dry-run --Werror 2>"$out/format.log"; then
		echo "clang-format-14 -i would change:"
		sed -n 's/:.*error: .*//p' "$out/format.log" | uniq -c
		return 1
	fi
	sources scripts/demo scripts/test '*.sh' .ci/run | xargs shellcheck
}

# Optimised harder than what scripts/test runs: other warnings, other bugs. Integration is
# left to the stages that see more of it.
stage_gcc() {
	build gcc gcc -Dbuildtype=release
	run_tests gcc --no-suite integration
}

build_asan() {
	build asan clang -Dbuildtype=debugoptimized -Db_sanitize=address,undefined \
		-Db_lundef=false -Dfuzz=true
}

# Memory and undefined behaviour, and some fuzzing.
stage_asan() {
	bad=0
	build_asan
	export ASAN_OPTIONS=abort_on_error=1:detect_stack_use_after_return=1
	export LSAN_OPTIONS="suppressions=$PWD/scripts/lsan.supp:print_suppressions=0"
	export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
	patience=5
	run_tests asan || bad=1
	mkdir -p "$out/fuzz"
	find "$out/asan/tests/fuzz" -maxdepth 1 -type f -name 'fuzz_*' -executable | sort |
		xargs -P "$jobs" -I '{}' scripts/ci.sh --fuzz '{}' || bad=1
	return $bad
}

fuzz_one() { # TARGET
	name=${1##*/fuzz_}
	mkdir -p "$out/fuzz/$name"
	# shellcheck disable=SC2086 # as above
	# Without entropic scheduling: its bookkeeping costs more than a run of the engine.
	if nice $still "$1" -max_total_time="${FUZZ_S:-10}" -timeout=60 -print_final_stats=1 \
		-entropic=0 -seed="${FUZZ_SEED:-1}" \
		-artifact_prefix="$out/fuzz/$name-" "$out/fuzz/$name" \
		"tests/fuzz/corpus-$name" >"$out/fuzz/$name.log" 2>&1; then
		echo "fuzz $name: $(awk '/number_of_executed_units/ { print $2 }' \
			"$out/fuzz/$name.log") runs"
	else
		tail -n 40 "$out/fuzz/$name.log"
		return 1
	fi
}

# The threads: paho's, libcurl's and the store's against the loop. This sanitizer is slow and
# large: what has no threads is left to the other stages (the pure layers, and the tool that
# spends half a minute on passwords), and so are attacks with bounds in seconds and kilobytes.
stage_tsan() {
	build tsan gcc -Dbuildtype=debugoptimized -Db_sanitize=thread -Db_lundef=false
	export TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1:suppressions=$PWD/scripts/tsan.supp"
	patience=5
	run_tests tsan --suite unit --suite broad --no-suite attack --no-suite one-thread
}

# On the database of a build with clang; of that only the sources that are generated are
# made, for others include them.
stage_tidy() {
	bad=0
	configure tidy clang -Dbuildtype=debugoptimized
	ninja -C "$out/tidy" -t targets all | sed -n 's/\.\([ch]\): CUSTOM_COMMAND$/.\1/p' |
		xargs nice ninja -C "$out/tidy" --quiet
	nice run-clang-tidy-14 -quiet -j "$jobs" -p "$out/tidy" \
		"^$PWD/(src|plugins|tests|include)/" >"$out/tidy.log" 2>&1 || {
		sed -n "s/$(printf '\033')\[[0-9;]*m//g; /error:\|warning:/p" "$out/tidy.log" |
			sed "s|^.*/\.\./||" | sort -u
		bad=1
	}
	# What is off: leaks, because it does not know __cleanup__, and uninitialised variables,
	# because it does not see arrays filled by a loop or a callee. clang's analyzer has both.
	mkdir -p "$out/cppcheck"
	nice cppcheck --quiet -j "$jobs" --error-exitcode=1 --inline-suppr \
		--enable=warning,performance,portability \
		--suppress=memleak --suppress=resourceLeak --suppress=uninitvar \
		--suppress=legacyUninitvar --suppress='*:*.pb-c.c' \
		--suppress='*:*.pb-c.h' --suppress=missingInclude -i "$out" \
		--cppcheck-build-dir="$out/cppcheck" --project="$out/tidy/compile_commands.json" ||
		bad=1
	return $bad
}

covered() { # PERCENT FILTER
	printf '%s ' "$2"
	code=0
	gcovr -r . -a "$out/coverage.json" --filter "$2" --print-summary \
		--fail-under-line "$1" -o "$out/gcovr.txt" >"$out/covered" 2>&1 || code=1
	grep '^lines' "$out/covered" || cat "$out/covered"
	return $code
}

stage_coverage() {
	# Threads count, too: without the atomic update they would lose each other's counts.
	# Most of what takes a real stack goes over lines that others have gone over.
	build cov gcc -Dbuildtype=debug -Db_coverage=true -Dc_args=-fprofile-update=atomic
	find "$out/cov" -name '*.gcda' -delete
	bad=0
	run_tests cov --no-suite integration || bad=1
	run_tests cov --suite broad || bad=1
	# One job: with more it hangs when one of them fails.
	gcovr -r . "$out/cov" --filter src/ --json "$out/coverage.json" >"$out/gcovr.log" 2>&1 || {
		cat "$out/gcovr.log"
		return 1
	}
	covered "${COVER_MIN:-85}" src/ || bad=1
	for layer in base codec radio fec crypto image campaign engine; do
		covered "${COVER_PURE_MIN:-95}" "src/$layer/" || bad=1
	done
	if [ $bad -ne 0 ]; then
		gcovr -r . -a "$out/coverage.json" --filter src/
	fi
	return $bad
}

# The same seed gives the same figures, whatever compiled it: gcc -O3, clang with sanitizers,
# gcc -O0. Wall-clock fields are left out.
stage_figures() {
	build gcc gcc -Dbuildtype=release
	build_asan
	build cov gcc -Dbuildtype=debug -Db_coverage=true -Dc_args=-fprofile-update=atomic
	for seed in 1 2 3; do
		for name in gcc asan cov; do
			# shellcheck disable=SC2086 # as above
			nice $still "$out/$name/fuota-bench" --scenario town --seed $seed --no-solver --json |
				tail -n 1 | sed 's/"[a-z_]*wall[a-z_]*": [^,}]*//g' >"$out/figures-$name"
		done
		test -s "$out/figures-gcc"
		cmp "$out/figures-gcc" "$out/figures-asan"
		cmp "$out/figures-gcc" "$out/figures-cov"
	done
}

mkdir -p "$out"
if [ "${1:-}" = --fuzz ]; then
	fuzz_one "$2"
	exit
fi
if [ "${1:-}" = --stage ]; then
	"stage_$2"
	exit
fi
without=''
if [ "${1:-}" = --without ]; then
	without=$2
	shift 2
fi
if [ $# -eq 0 ]; then
	set -- format gcc asan tsan tidy coverage figures
fi
passed=0
failed=0
end=$(($(date +%s) + ${GATE_S:-4200}))
for stage; do
	if [ "$stage" = "$without" ]; then
		continue
	fi
	echo "== $stage"
	start=$(date +%s)
	left=$((end > start ? end - start : 1))
	status=0
	timeout --kill-after=20 "$left" scripts/ci.sh --stage "$stage" || status=$?
	if [ $status -eq 0 ]; then
		passed=$((passed + 1))
		echo "== $stage passed in $(($(date +%s) - start)) s"
	else
		failed=$((failed + 1))
		echo "== $stage FAILED after $(($(date +%s) - start)) s"
	fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
