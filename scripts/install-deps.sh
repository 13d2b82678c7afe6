#!/bin/sh
# SPDX-License-Identifier: MIT
# install-deps.sh [run] [test] [gate] - install what is missing, with apt, on Debian 12; for
# the tests also the packages of tests/integration/npm, with npm ci.
#
# run: to build (with the tests: there is one build folder) and to run the demo. test: for
# scripts/test (includes run). gate: for scripts/ci.sh (includes both). Without arguments: test. Needs neither root nor a network
# when everything is installed already.
set -eu

run='meson ninja-build pkg-config gcc libc6-dev libuv1-dev libpaho-mqtt-dev libjson-c-dev
libsodium-dev libbz2-dev libssl-dev libyaml-dev libsqlite3-dev libcurl4-openssl-dev libprotobuf-c-dev
protobuf-c-compiler libical-dev tzdata libmicrohttpd-dev libcoap3-dev libcmocka-dev scdoc mosquitto firmware-ath9k-htc python3'
test='minisign mosquitto-clients libcoap3-bin openssl iproute2 coinor-cbc'
gate='clang clang-tidy clang-format cppcheck shellcheck gcovr libclang-rt-14-dev git'

cd "$(dirname "$0")/.."
wanted=''
tests=no
for group in "${@:-test}"; do
	case $group in test | gate) tests=yes ;; esac
	case $group in
	run) wanted="$wanted $run" ;;
	test) wanted="$wanted $run $test" ;;
	gate) wanted="$wanted $run $test $gate" ;;
	*)
		echo "usage: install-deps.sh [run] [test] [gate]" >&2
		exit 2
		;;
	esac
done

installed() { # PACKAGE
	status=$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) && [ "$status" = installed ]
}

missing=''
for package in $wanted; do
	case " $missing " in
	*" $package "*) ;;
	*) installed "$package" || missing="$missing $package" ;;
	esac
done

# Those of others bring npm along, and conflict with Debian's.
if [ $tests = yes ]; then
	command -v node >/dev/null || missing="$missing nodejs"
	command -v npm >/dev/null || missing="$missing npm"
fi

# The versions and their digests are in the lock file. Without a network the tests that need
# them fail and say so.
install_packages() {
	if [ $tests = yes ] && ! cmp -s tests/integration/npm/package-lock.json \
		tests/integration/npm/node_modules/.of; then
		echo "install-deps.sh: npm ci in tests/integration/npm"
		if (cd tests/integration/npm && npm ci </dev/null); then
			cp tests/integration/npm/package-lock.json tests/integration/npm/node_modules/.of
		else
			echo "install-deps.sh: npm ci failed; the test 'independent' will too" >&2
		fi
	fi
}

if [ -z "$missing" ]; then
	install_packages
	exit 0
fi

as_root=''
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "install-deps.sh: run this as root: apt-get install$missing" >&2
		exit 1
	fi
	as_root=sudo
fi
apt() {
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q \
		-o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}

broker_is_new=no
case " $missing " in *' mosquitto '*) broker_is_new=yes ;; esac

echo "install-deps.sh: installing$missing"
# A list of packages that is too old shows as a package that cannot be had: one more try.
# shellcheck disable=SC2086 # a list of words
if ! apt install -y --no-install-recommends $missing </dev/null; then
	apt update </dev/null || true # of one source that is away, the others still count
	apt install -y --no-install-recommends $missing </dev/null
fi

# The package starts a broker for the whole machine. Nothing here uses it: demo and tests
# start private ones.
if [ $broker_is_new = yes ]; then
	if [ -d /run/systemd/system ]; then
		$as_root systemctl disable --now mosquitto >/dev/null 2>&1 || true
	elif [ -x /etc/init.d/mosquitto ]; then
		$as_root /etc/init.d/mosquitto stop >/dev/null 2>&1 || true
	fi
fi
install_packages
