package pcapio

import (
	"bytes"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// expressions are compared with tcpdump on real captures.
var expressions = []string{
	"ip", "ip6", "arp", "rarp", "tcp", "udp", "sctp", "icmp", "icmp6", "igmp", "esp", "ah", "pim", "vrrp",
	"not ip", "!ip6 and !ip", "ip or ip6", "ip and udp or tcp", "ip or ip6 and udp", "ip or (ip6 and udp)",
	"port 5683", "udp port 5683", "tcp port 80", "port 53 or 5683", "port (80 or 443)", "src port 5683",
	"dst port 5683", "src or dst port 5684", "src and dst port 500", "port not 80", "not port 80", "udp src port 4500",
	"port domain", "tcp dst port http", "sctp port 80", "portrange 500-600", "udp portrange 6000-5000", "src portrange 0-1023",
	"host 192.168.1.1", "ip host 10.0.0.1", "src 10.0.0.1 or 10.0.0.2", "src host 127.0.0.1", "net 10", "net 10.0.0.0/8",
	"net 192.168.0.0 mask 255.255.0.0", "src net 192.168", "dst net 224.0.0.0/4", "ip net 10", "arp host 10.0.0.1",
	"host ::1", "ip6 host fe80::1", "net fe80::/10", "src net fe80::/64", "dst net ff00::/8", "net 2000::/3",
	"src and dst net fe80::/10", "ip6 net 0::/0", "net 0.0.0.0/0", "dst host ff02::1 or ff02::2",
	"proto 50", "ip proto 17", "ip6 proto 17", "ip6 proto 58", "ip6 proto 0", "ip proto \\tcp", "ip6 proto \\udp", "ip proto 41",
	"ether proto 0x86dd", "ether proto \\ip", "ether proto 0x8864",
	"less 100", "greater 100", "len > 100", "len <= 60", "len = 78", "len - 14 < 60", "5 = 5", "1 > 2", "len % 2 = 0",
	"ip[0] & 0xf != 5", "ip[6:2] & 0x1fff != 0", "ip6[6] = 17", "ip6[4:2] > 100", "ip[2:2] > 500",
	"tcp[13] & 2 != 0", "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "udp[4:2] > 50", "icmp[icmptype] = icmp-echo",
	"icmp6[icmp6type] = icmp6-neighborsolicit", "icmp6[0] == 135", "tcp[0:2] + 1 = 81", "ip[8] * 2 > 100",
	"ip[0] << 4 = 0x450", "ip[0] >> 4 = 4", "tcp[2:2] / 2 = 40", "-1 > 5", "1 | 6 & 4 = 5", "ip6[100:4] = 0",
	"ip[ip[0] & 1] = 0x45", "not ip6[200] = 0", "ip6[200] = 0 or udp", "not udp[100] = 1",
	"vlan", "vlan 10", "vlan and ip", "vlan or ip", "ip and vlan", "vlan and vlan and ip6", "vlan and udp port 53", "vlan and not ip",
	"ether host ff:ff:ff:ff:ff:ff", "ether src 0:0:0:0:0:0", "ether dst 33:33:0:0:0:1", "ether multicast", "ether broadcast",
	"multicast", "broadcast", "ip multicast", "ip6 multicast", "ether[0] & 1 = 0", "ether[12:2] = 0x86dd",
	"udp and (src net fe80::/10 or dst port 5683) and not host ::1", "ip6 and not (tcp or udp or icmp6)",
	"(udp)", "((ip6 and ((udp))))", "(len) > (100)", "((len + 2) * 2) > 300", "host 10.0.0.1 and port 80",
}

// linkFile writes the captures' packets of one link type as a classic file, each
// with its number for a time.
func linkFile(t *testing.T, path string, packets []record) {
	out, err := Create(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Abort()
	w, err := NewPcapWriter(out, Format{SnapLen: 262144})
	if err != nil {
		t.Fatal(err)
	}
	w.AddInterface(packets[0].ifc)
	for i := range packets {
		p := packets[i].Packet
		p.Ticks, p.Interface = uint64(i), nil
		if err := w.WritePacket(0, &p); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Flush(), out.Commit()); err != nil {
		t.Fatal(err)
	}
}

// packetsByLink collects packets of real captures by their link type.
func packetsByLink(t *testing.T) map[LinkType][]record {
	byLink := map[LinkType][]record{}
	for _, path := range captures(t) {
		_, all, _ := readAll(bytes.NewReader(mustReadFile(t, path)))
		for i, p := range all[:min(len(all), 200)] {
			p.Interface = &all[i].ifc
			byLink[p.ifc.LinkType] = append(byLink[p.ifc.LinkType], p)
		}
	}
	// Tagged and cooked and loopback frames from the Ethernet ones.
	for _, p := range slices.Clone(byLink[LinkTypeEthernet]) {
		if len(p.Data) < 14 {
			continue
		}
		add := func(lt LinkType, head ...[]byte) {
			q := p
			q.Data = bytes.Join(head, nil)
			q.ifc.LinkType = lt
			q.Interface = &q.ifc
			byLink[lt] = append(byLink[lt], q)
		}
		d := p.Data
		tag := []byte{0x81, 0, 0x20, 10}
		qinq := []byte{0x88, 0xa8, 0, 5}
		switch len(byLink[LinkTypeEthernet]) % 4 {
		case 0:
			add(LinkTypeEthernet, d[:12], tag, d[12:])
		case 1:
			add(LinkTypeEthernet, d[:12], qinq, tag, d[12:])
		case 2:
			add(LinkTypeEthernet, d[:12], tag, d[12:min(len(d), 20)])
		default:
			add(LinkTypeEthernet, d[:12])
		}
		add(LinkTypeSLL, []byte{0, 0, 0, 1, 0, 6}, make([]byte, 8), d[12:])
		add(LinkTypeSLL2, d[12:14], make([]byte, 6), []byte{0, 1, 0, 6}, make([]byte, 8), d[14:])
		add(LinkTypeRaw, d[14:])
		add(LinkTypeIPv4, d[14:])
		add(LinkTypeIPv6, d[14:])
		family := byte(30)
		if d[12] == 8 {
			family = 2
		}
		add(LinkTypeNull, []byte{family, 0, 0, 0}, d[14:])
		add(LinkTypeLoop, []byte{0, 0, 0, family}, d[14:])
	}
	return byLink
}

// The packets that a filter selects are those that tcpdump selects.
func TestFilterTcpdump(t *testing.T) {
	tcpdump, err := exec.LookPath("tcpdump")
	if err != nil {
		t.Skip("tcpdump is not installed")
	}
	dir := t.TempDir()
	compared := 0
	for link, packets := range packetsByLink(t) {
		if !link.Carries() {
			continue // tcpdump knows more of them
		}
		path := filepath.Join(dir, link.String()+".pcap")
		linkFile(t, path, packets)
		for i, expr := range expressions {
			if i%4 != int(link)%4 && link != LinkTypeEthernet && link != LinkTypeRaw {
				continue // enough, and faster
			}
			f, err := CompileFilter(expr)
			if err != nil {
				t.Errorf("CompileFilter(%q): %v", expr, err)
				continue
			}
			out, err := exec.Command(tcpdump, "-n", "-r", path, "-w", "-", expr).Output()
			if err != nil {
				continue // not for this link type
			}
			compared++
			_, want, err := readAll(bytes.NewReader(out))
			if want == nil && errors.Is(err, ErrFormat) {
				t.Fatalf("output of tcpdump: %v", err)
			}
			i := 0
			for n := range packets {
				selected := i < len(want) && want[i].Ticks == uint64(n)
				if selected {
					i++
				}
				if got := f.Match(&packets[n].Packet); got != selected {
					t.Errorf("%v: %q: Match(%x) = %v, tcpdump says %v", link, expr, packets[n].Data[:min(len(packets[n].Data), 100)], got, selected)
					break
				}
			}
		}
	}
	t.Logf("%d comparisons", compared)
}

func TestFilter(t *testing.T) {
	eth := &Interface{LinkType: LinkTypeEthernet}
	frame := &Packet{Data: coapFrame, OrigLen: uint32(len(coapFrame)), Interface: eth}
	tagged := &Packet{Data: slices.Concat(coapFrame[:12], []byte{0x81, 0, 0, 5}, coapFrame[12:]), OrigLen: 82, Interface: eth}
	mac := &Packet{Data: append([]byte{30, 0, 0, 0}, coapFrame[14:]...), Interface: &Interface{LinkType: LinkTypeNull}}
	other := &Packet{Data: coapFrame, OrigLen: 78, Interface: &Interface{LinkType: 195}}
	short := &Packet{Data: coapFrame[:30], OrigLen: 78, Interface: eth}
	for _, tt := range []struct {
		expr string
		p    *Packet
		want bool
	}{
		{"", frame, true},
		{" \t\n", frame, true},
		{"udp port coap", frame, true},
		{"udp port 5684", frame, false},
		{"ip6 and ip6 or ip", frame, true},
		{"net fd00:1:fd00::/48", frame, true},
		{"vlan 5 and udp", tagged, true},
		{"udp", tagged, false},
		{"ip6", mac, true},
		{"vlan", mac, false},
		{"ip6", other, false},
		{"not ip6", other, true},
		{"len = 78", other, true},
		{"4 / ip[1] = 0", frame, false}, // libpcap does not look whether it is IPv4
		{"host ::1", short, false},
		{"not host ::1", short, false},
		{"len > 10 or host ::1", short, true},
	} {
		f, err := CompileFilter(tt.expr)
		if err != nil {
			t.Errorf("CompileFilter(%q): %v", tt.expr, err)
		} else if got := f.Match(tt.p); got != tt.want || f.String() != tt.expr {
			t.Errorf("%q: Match = %v, want %v", tt.expr, got, tt.want)
		}
	}
	if !(*Filter)(nil).Match(frame) {
		t.Error("a nil Filter does not match")
	}
}

func TestFilterErrors(t *testing.T) {
	for _, tt := range []struct {
		expr string
		pos  int
		msg  string
	}{
		{"udp prot 5", 4, `"prot" is not expected`},
		{"10.0.0.1", 0, "keyword"},
		{"tcp and 80", 8, "keyword"},
		{"port", 4, "not complete"},
		{"udp and", 7, "not complete"},
		{"(udp", 4, `")" is missing`},
		{"udp)", 3, "not expected"},
		{"port 70000", 5, "not a port"},
		{"ip port 80", 8, "ip has no ports"},
		{"host example.org", 5, "not looked up"},
		{"host 10.0.0.1/8", 13, "a mask goes with net"},
		{"net 10.0.0.1/8", 4, "bits behind"},
		{"net 10.0.0.0/33", 13, "at most 32"},
		{"net fd00::/129", 4, "at most 128"},
		{"host 1.2.3.4.5", 5, "not an address"},
		{"host 1.2.3.400", 5, "not an address"},
		{"host fe80:::1", 5, "not an address"},
		{"tcp host 10.0.0.1", 9, "tcp does not go"},
		{"ip6 host 10.0.0.1", 9, "ip6 does not go"},
		{"ip host ::1", 8, "ip does not go"},
		{"host 0:0:0:0:0:0", 5, "ether host"},
		{"proto 300", 6, "not an IP protocol"},
		{"proto \\nonsense", 6, "not a protocol"},
		{"ether proto 5", 12, "EtherType"},
		{"src proto 5", 10, "do not go"},
		{"vlan 5000", 5, "4095"},
		{"ip[0:3] = 1", 5, "1, 2 or 4"},
		{"(ip[0:3] = 1)", 6, "1, 2 or 4"},
		{"ip[0] / 0 = 1", 8, "division"},
		{"ip[0]", 5, "comparison"},
		{"len 5", 4, "comparison"},
		{"ip[0 = 1", 5, `"]"`},
		{"esp[0] = 1", 0, "cannot be looked at"},
		{"5 > ", 4, "number is missing"},
		{"ether", 0, "needs host"},
		{"mpls", 0, "not supported"},
		{"ip broadcast", 3, "not supported"},
		{"udp § 5", 4, "unexpected"},
		{"0x1g", 0, "not a number"},
		{"less", 4, "length is missing"},
		{"ip proto \\", 9, "nothing"},
		{strings.Repeat("(", 1000) + "ip" + strings.Repeat(")", 1000), 100, "nested"},
		{strings.Repeat("not ", 1000) + "ip", 396, "nested"},
		{strings.Repeat(" ", maxFilterLen+1), maxFilterLen, "longer"},
	} {
		f, err := CompileFilter(tt.expr)
		var fe *FilterError
		if f != nil || !errors.Is(err, ErrFilter) || !errors.As(err, &fe) {
			t.Errorf("CompileFilter(%.40q) = %v, %v", tt.expr, f, err)
			continue
		}
		if fe.Pos < tt.pos-2 || fe.Pos > tt.pos+2 || !strings.Contains(err.Error(), tt.msg) {
			t.Errorf("CompileFilter(%.40q): %v (position from 0: %d), want %d: %s", tt.expr, err, fe.Pos, tt.pos, tt.msg)
		}
	}
}

// Compiling and matching take time in proportion to the expression.
func TestFilterLong(t *testing.T) {
	expr := strings.TrimSuffix(strings.Repeat("port 1 or ", 5000), " or ")
	f, err := CompileFilter(expr)
	if err != nil {
		t.Fatal(err)
	}
	if f.Match(&Packet{Data: coapFrame, Interface: &Interface{LinkType: LinkTypeEthernet}, OrigLen: math.MaxUint32}) {
		t.Error("matches")
	}
	if _, err := CompileFilter(strings.Repeat("(", 45) + "len" + strings.Repeat(")", 45) + " > 1"); err != nil {
		t.Error(err)
	}
}

// The words of the documentation work: no error for what /etc/services and the
// tables agree on.
func TestFilterPortNames(t *testing.T) {
	b, err := os.ReadFile("/etc/services")
	if err != nil {
		t.Skip("no /etc/services")
	}
	for _, line := range strings.Split(string(b), "\n") {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		if n, ok := portNames[f[0]]; ok {
			num, _, _ := strings.Cut(f[1], "/")
			if m, _ := portNumber(num); m != n {
				t.Errorf("port %s is %d, /etc/services says %s", f[0], n, f[1])
			}
		}
	}
}
