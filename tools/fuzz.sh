#!/usr/bin/env bash
# Runs every Fuzz target of the module for a short while.
#
#   tools/fuzz.sh [TIME [BUDGET [PACKAGES...]]]
#
# TIME is per target ("3s", "10m"), BUDGET the limit for all of them together
# in seconds; with many targets each gets less. 0 means no limit. A crasher
# fails the run, is left in testdata/fuzz/ of its package and is to be
# committed there, with a named test. Targets after it are still run.
set -uo pipefail

go=${GO:-go}
time=${1:-3s}
budget=${2:-0}
[ $# -ge 2 ] && shift 2 || shift $#
[ $# -gt 0 ] || set -- ./...

case $time in
*h) secs=$((${time%h} * 3600)) ;;
*m) secs=$((${time%m} * 60)) ;;
*s) secs=${time%s} ;;
*) echo "fuzz.sh: time must be a whole number of s, m or h, not $time" >&2; exit 2 ;;
esac

# "go test -list" prints the targets of a package, then "ok PACKAGE TIME".
if ! list=$("$go" test -list '^Fuzz' "$@" 2>&1); then
	echo "$list" >&2
	exit 1
fi
targets=$(awk '/^Fuzz/ { t[n++] = $1 } $1 == "ok" { for (i = 0; i < n; i++) print t[i], $2; n = 0 }' <<<"$list")
if [ -z "$targets" ]; then
	echo "fuzz: no targets"
	exit 0
fi
n=$(wc -l <<<"$targets")
if [ "$budget" -gt 0 ] && [ $((secs * n)) -gt "$budget" ]; then
	secs=$((budget / n))
	[ "$secs" -ge 1 ] || secs=1
fi
echo "fuzz: $((n)) targets, $secs s each"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=
while read -r name pkg; do
	for try in 1 2; do
		"$go" test -run '^$' -fuzz "^$name\$" -fuzztime "${secs}s" -fuzzminimizetime 5s "$pkg" >"$log" 2>&1 </dev/null
		status=$?
		# On a busy machine the end of the time can surface as a failure of
		# the engine itself (go.dev/issue/48591); that is no finding.
		if [ $status = 0 ] || [ $try = 2 ] ||
			grep -q 'Failing input written' "$log" || ! grep -q 'context deadline exceeded' "$log"; then
			break
		fi
	done
	if [ $status = 0 ]; then
		execs=$(sed -n 's/.*execs: \([0-9]*\).*/\1/p' "$log" | tail -1)
		echo "ok  	$pkg	$name	${execs:-?} execs"
	else
		cat "$log"
		echo "FAIL	$pkg	$name"
		failed="$failed $name"
	fi
done <<<"$targets"
if [ -n "$failed" ]; then
	echo "fuzz: failed:$failed" >&2
	exit 1
fi
