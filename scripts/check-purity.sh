#!/bin/sh
# SPDX-License-Identifier: MIT
# check-purity.sh NM LAYER LIB [LAYER LIB]... - the pure layers may not reach for the world.
#
# What a pure library leaves undefined must be defined by one of the pure libraries given,
# or be in the list of its layer. Everything else (I/O, clocks, threads, printf, ...) fails.
set -eu
nm=$1
shift

# What compilers and their instrumentation (sanitizers, coverage, fuzzer) refer to.
compiler='__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|__cpu_model|__cpu_indicator_init'
compiler="$compiler|__u?(div|mod)ti3|__mulo?ti4"
compiler="$compiler|__(asan|ubsan|tsan|sanitizer|sancov|gcov)_.*|__(start|stop)___sancov_.*"
# Of libc, and what the compiler makes of it.
libc='memcpy|memmove|memset|memcmp|bcmp|__(memcpy|memmove|memset)_chk|__assert_fail'

# shellcheck disable=SC2034 # read by name, below
{
	extra_engine='malloc|calloc|realloc|reallocarray|free'
	extra_image='crypto_(generichash(_init|_update|_final|_blake2b.*)?|hash_sha(256|512))'
	extra_image="$extra_image|crypto_sign_(detached|seed_keypair|verify_detached)"
	extra_image="$extra_image|crypto_pwhash_scryptsalsa208sha256|sodium_mem(zero|cmp)"
	extra_image="$extra_image|sodium_(base642bin|bin2base64)"
	extra_image="$extra_image|BZ2_bzDecompress(Init|End)?"
	extra_crypto='EVP_CIPHER_CTX_(new|free|set_padding)|EVP_CipherInit_ex|EVP_CipherUpdate'
	extra_crypto="$extra_crypto|EVP_aes_128_(ecb|ctr)|EVP_MAC_(fetch|free|init|update|final)"
	extra_crypto="$extra_crypto|EVP_MAC_CTX_(new|free)|sodium_mem(zero|cmp)"
	extra_crypto="$extra_crypto|OSSL_PARAM_construct_(utf8_string|end)"
	extra_crypto="$extra_crypto|crypto_generichash_(init|update|final)|strlen"
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

i=0
for arg; do
	i=$((i + 1))
	if [ $((i % 2)) -eq 0 ]; then
		[ -r "$arg" ] || echo "check-purity.sh: cannot read $arg" >&2
		"$nm" -P -g --defined-only "$arg"
	fi
done | awk 'NF > 1 { print $1 }' | sort -u >"$tmp/ours"
if [ ! -s "$tmp/ours" ]; then
	echo "check-purity.sh: no symbols found" >&2
	exit 1
fi

bad=0
while [ $# -gt 0 ]; do
	layer=$1
	[ -r "$2" ] || exit 1
	eval "extra=\${extra_$layer:-}"
	"$nm" -P -u "$2" | awk 'NF > 1 { sub(/@.*/, "", $1); print $1 }' | sort -u |
		comm -23 - "$tmp/ours" | grep -Evx "$compiler|$libc${extra:+|$extra}" \
		>"$tmp/wrong" || true
	if [ -s "$tmp/wrong" ]; then
		echo "pure layer '$layer' uses: $(tr '\n' ' ' <"$tmp/wrong")" >&2
		bad=1
	fi
	shift 2
done
exit $bad
