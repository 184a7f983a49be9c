#!/usr/bin/env bash
# Records coap.pcap and mixed.pcap, the project's own captures.
#
#   sudo ./record.sh [OUTPUT_DIRECTORY]      (default: the current directory)
#
# Linux only. Makes two network namespaces joined by one veth pair, runs real
# clients and servers in them, captures on the device's end and removes
# everything again. Takes about 45 seconds. Needs, by Debian package:
#   iproute2 ethtool tcpdump libcoap3-bin dnsmasq-base bind9-dnsutils
#   iputils-ping curl python3 bsdutils (logger) procps (sysctl)
# A new recording differs from the shipped one: times, ports, tokens, Message
# IDs and sequence numbers are chosen by the programs. Tests count on the
# shipped files, so replace those only together with the numbers in README.md.
set -euo pipefail

out=$(cd "${1:-.}" && pwd)
[ "$(id -u)" = 0 ] || { echo "record.sh: needs root, for network namespaces" >&2; exit 2; }

pick() { # the first of these programs that is installed
	local p
	for p in "$@"; do
		if command -v "$p" >/dev/null; then echo "$p"; return; fi
	done
	echo "record.sh: missing program: $1" >&2
	exit 2
}
for p in ip ethtool tcpdump dnsmasq dig ping curl python3 logger sysctl; do pick "$p" >/dev/null; done
coap_client=$(pick coap-client-notls coap-client coap-client-openssl coap-client-gnutls)
coap_server=$(pick coap-server-notls coap-server coap-server-openssl coap-server-gnutls)

dev=schckit-dev-$$ app=schckit-app-$$
dev6=2001:db8:1::2 app6=2001:db8:2::1
dev4=192.0.2.2 app4=192.0.2.1
tmp=$(mktemp -d)
pids=()

cleanup() {
	local p
	for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
	wait 2>/dev/null || true
	ip netns del "$dev" 2>/dev/null || true
	ip netns del "$app" 2>/dev/null || true
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

ondev() { ip netns exec "$dev" "$@"; }
onapp() { ip netns exec "$app" "$@"; }

# start DEV|APP PROGRAM... runs a server in the background. "exec" below lets
# the process number be the program's own, so that cleanup ends the program.
start() {
	local ns=$1
	shift
	(exec ip netns exec "$ns" "$@") >/dev/null 2>&1 &
	pids+=($!)
}

stop_all() {
	local p
	for p in "${pids[@]}"; do kill -INT "$p" 2>/dev/null || true; done
	for p in "${pids[@]}"; do wait "$p" 2>/dev/null || true; done
	pids=()
}

# capture FILE FILTER... starts tcpdump on the device's end.
capture() {
	local file=$1 i
	shift
	(exec ip netns exec "$dev" tcpdump -q -i veth0 -s 0 -U --immediate-mode -B 4096 \
		-w "$tmp/$file" "$@") 2>"$tmp/tcpdump.log" &
	pids+=($!)
	for i in $(seq 50); do
		grep -q 'listening on' "$tmp/tcpdump.log" && return
		sleep 0.1
	done
	cat "$tmp/tcpdump.log" >&2
	return 1
}

keep() { # from the temporary directory to its place, owned like the directory
	sleep 1
	stop_all
	cat "$tmp/tcpdump.log"
	cp "$tmp/$1" "$out/$1"
	chown --reference="$out" "$out/$1"
	chmod 644 "$out/$1"
}

# The link. Checksum offload is off, since with it the kernel leaves the
# checksums of captured packets unfinished; segmentation offload is off, since
# it would show packets larger than the link carries.
ip netns add "$dev"
ip netns add "$app"
ip -n "$dev" link add veth0 address 00:00:5e:00:53:02 type veth \
	peer name veth0 address 00:00:5e:00:53:01 netns "$app"
for ns in "$dev" "$app"; do
	ip -n "$ns" link set lo up
	ip netns exec "$ns" ethtool -K veth0 tx off rx off tso off gso off gro off >/dev/null
done

addresses() {
	ip -n "$dev" addr add "$dev6/64" dev veth0
	ip -n "$app" addr add "$app6/64" dev veth0
	ip -n "$dev" addr add "$dev4/24" dev veth0
	ip -n "$app" addr add "$app4/24" dev veth0
	ip -n "$dev" -6 route add 2001:db8:2::/64 dev veth0
	ip -n "$app" -6 route add 2001:db8:1::/64 dev veth0
	local i
	for i in $(seq 60); do # duplicate address detection
		if ! ip -n "$dev" -6 addr show tentative | grep -q inet6 &&
			! ip -n "$app" -6 addr show tentative | grep -q inet6; then
			return
		fi
		sleep 0.1
	done
}

# uplink and downlink requests; libcoap's client says "4.04" and the like on
# standard error and by its exit code, which are of no interest here.
up() { ondev "$coap_client" -B 10 -a "$dev6" "$@" >/dev/null 2>&1 || true; }
down() { onapp "$coap_client" -B 10 -a "$app6" "$@" >/dev/null 2>&1 || true; }

reading() { printf '{"t":%d.%d,"rh":%d}' $((18 + $1 % 5)) $(($1 * 7 % 10)) $((40 + $1 * 3 % 17)); }
series() { # a file of about $1 bytes of SenML-like readings
	python3 - "$1" <<'PY'
import sys
n, out, i = int(sys.argv[1]), "[", 0
while len(out) < n - 40:
    out += '%s{"n":"temp","t":%d,"v":%.1f}' % ("," if i else "", i * 60, 18 + (i * 37 % 50) / 10)
    i += 1
sys.stdout.write(out + "]")
PY
}
series 1500 >"$tmp/series.json"
series 3000 >"$tmp/config.json"

coap_servers() {
	start "$app" "$coap_server" -d 20 -A "$app6"
	start "$dev" "$coap_server" -d 20 -A "$dev6"
	sleep 1
}

record_coap() {
	local a="coap://[$app6]" d="coap://[$dev6]" i
	for i in "$dev" "$app"; do # small stacks send the flow label as 0, Linux does not
		ip netns exec "$i" sysctl -q -w net.ipv6.auto_flowlabels=0
	done
	coap_servers
	capture coap.pcap 'ip6 and udp port 5683'

	# Uplink: the device's client, most often on a fixed port near 5683.
	up -p 5685 "$a/.well-known/core"
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		up -p 5685 -T "s$i" -m put -t 50 -e "$(reading "$i")" "$a/sensors/temp"
		sleep 0.2
	done
	for i in 1 2 3 4 5 6; do
		up -p 5686 -N -T "n$i" -m put -t 0 -e "4$i.5" "$a/sensors/humidity"
		sleep 0.2
	done
	for i in 1 2 3; do up -p 5685 "$a/time"; done
	up -p 5685 "$a/time?ticks"
	up -p 5685 "$a/sensors/temp"
	up -p 5685 -A 50 "$a/sensors/temp?unit=C&avg=60"
	up -p 5685 "$a/"
	up -p 5687 "$a/async?2"                                        # a separate response
	up -p 5685 "$a/no/such/resource"                               # 4.04
	up -p 5685 -m post -t 0 -e on "$a/time"                        # 4.05
	up -p 5685 -m delete "$a/sensors/humidity"
	up -p 5688 -b 128 -m put -t 50 -f "$tmp/series.json" "$a/log"  # Block1
	up -p 5688 -b 128 "$a/log"                                     # Block2
	up -p 5689 -s 8 "$a/time"                                      # observe, then cancel
	for i in 1 2 3; do up -N "$a/time"; done                       # a port of the system's choice

	# Downlink: the device is the server.
	down "$d/.well-known/core"
	for i in 1 2 3 4 5 6; do
		down -T "d$i" -m put -t 0 -e "$((i % 2))" "$d/actuators/led"
		down "$d/actuators/led"
		sleep 0.2
	done
	down -p 5685 -N "$d/time"
	down -b 512 -m put -t 50 -f "$tmp/config.json" "$d/config"     # Block1
	down "$d/config?part=radio"                                    # Block2, 1024 bytes each
	down "$d/actuators/motor"                                      # 4.04
	down -p 5689 -s 10 "$d/time"                                   # observe, then cancel
	keep coap.pcap
}

record_mixed() {
	local a="coap://[$app6]" d="coap://[$dev6]" i name
	capture mixed.pcap --time-stamp-precision=nano
	addresses # router solicitation, MLD reports, duplicate address detection
	coap_servers
	start "$app" "$coap_server" -d 20 -A "$app4"
	mkdir "$tmp/www"
	cp "$tmp/config.json" "$tmp/www/config.json"
	echo '<!doctype html><title>schckit</title><p>It works.' >"$tmp/www/index.html"
	head -c 20000 /dev/zero | tr '\0' 'x' >"$tmp/www/firmware.bin"
	start "$app" python3 -m http.server --directory "$tmp/www" --bind "$app6" 8080
	start "$app" python3 -m http.server --directory "$tmp/www" --bind "$app4" 8080
	start "$app" dnsmasq --no-daemon --no-resolv --no-hosts --conf-file=/dev/null \
		--bind-interfaces --interface=veth0 --user=root --local-ttl=300 \
		--address=/app.example.com/$app6 --address=/app.example.com/$app4 \
		--txt-record=app.example.com,schckit --mx-host=example.com,app.example.com,10 \
		--local=/example.com/
	sleep 1

	ondev ping -6 -n -c 10 -i 0.2 "$app6" >/dev/null
	onapp ping -6 -n -c 5 -i 0.2 -s 16 "$dev6" >/dev/null
	ondev ping -6 -n -c 3 -i 0.2 ff02::1%veth0 >/dev/null || true
	ondev ping -6 -n -c 2 -i 0.2 -s 2000 "$app6" >/dev/null   # fragments
	ondev ping -4 -n -c 10 -i 0.2 "$app4" >/dev/null
	onapp ping -4 -n -c 5 -i 0.2 -s 16 "$dev4" >/dev/null
	ondev ping -4 -n -c 2 -i 0.2 -s 2000 "$app4" >/dev/null   # fragments

	for name in app.example.com nothere.example.com; do
		for i in A AAAA TXT; do
			ondev dig +tries=1 @"$app6" "$name" "$i" >/dev/null
			ondev dig +tries=1 @"$app4" "$name" "$i" >/dev/null
		done
	done
	ondev dig +tries=1 @"$app6" example.com MX >/dev/null
	ondev dig +tries=1 +noedns @"$app4" example.com MX >/dev/null
	ondev dig +tries=1 +tcp @"$app6" app.example.com AAAA >/dev/null
	ondev dig +tries=1 +tcp @"$app4" app.example.com A >/dev/null

	for i in / /config.json /firmware.bin /missing; do
		ondev curl -s -o /dev/null "http://[$app6]:8080$i"
		ondev curl -s -o /dev/null "http://$app4:8080$i"
	done
	ondev curl -s -o /dev/null "http://[$app6]:8081/" || true # refused
	ondev curl -s -o /dev/null "http://$app4:8081/" || true

	for i in 1 2 3 4 5; do # nobody listens: port unreachable comes back
		ondev logger -n "$app4" -P 514 -d --rfc5424=nohost -t dev "reading $i" || true
		ondev logger -n "$app6" -P 514 -d --rfc5424=nohost -t dev "reading $i" || true
	done

	up "$a/.well-known/core"
	for i in 1 2 3 4 5; do
		up -p 5685 -T "m$i" -m put -t 50 -e "$(reading "$i")" "$a/sensors/temp"
		up -p 5685 "$a/sensors/temp"
	done
	for i in 1 2 3; do
		ondev "$coap_client" -B 10 -a "$dev4" "coap://$app4/time" >/dev/null 2>&1 || true
	done
	down "$d/time"
	down -s 3 "$d/time"
	keep mixed.pcap
}

# First mixed, from the moment the link comes up; then coap on the same link.
ip -n "$app" link set veth0 up
ip -n "$dev" link set veth0 up
record_mixed
record_coap
