package lowpan_test

import (
	"fmt"
	"net/netip"

	"github.com/schckit/schckit/lowpan"
)

func ExampleAppendCompress() {
	var table lowpan.Table
	prefix := netip.MustParseAddr("2001:db8::").As16()
	if err := table.Set(0, lowpan.Context{Prefix: prefix, PrefixLen: 64, Compress: true}); err != nil {
		fmt.Println(err)
		return
	}
	// From 2001:db8::ff:fe00:1 to 2001:db8::ff:fe00:2, UDP, 4 bytes.
	packet := []byte("\x60\x00\x00\x00\x00\x0c\x11\x40" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\xff\xfe\x00\x00\x01" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\xff\xfe\x00\x00\x02" +
		"\xf0\xb1\xf0\xb2\x00\x0c\x35\x6e" + "data")
	link := lowpan.Link{Src: lowpan.ShortAddr(1), Dst: lowpan.ShortAddr(2)}

	frame, err := lowpan.AppendCompress(nil, packet, link, &table, lowpan.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d bytes: %x\n", len(frame), frame)

	back, err := lowpan.AppendDecompress(nil, frame, link, &table, lowpan.Options{})
	fmt.Println(string(back) == string(packet), err)
	// Output:
	// 10 bytes: 7e77f312356e64617461
	// true <nil>
}

func ExampleFragmenter() {
	packet := make([]byte, 200)
	packet[0], packet[5], packet[6] = 0x60, 160, 59
	link := lowpan.Link{Src: lowpan.ShortAddr(1), Dst: lowpan.ShortAddr(2)}

	var f lowpan.Fragmenter
	if err := f.Reset(packet, link, nil, lowpan.Options{}, 1, 100); err != nil {
		fmt.Println(err)
		return
	}
	r := lowpan.Reassembler{Slots: []lowpan.Slot{{Buf: make([]byte, 1280)}}}
	var frame []byte
	for more := true; more; {
		var err error
		if frame, more, err = f.AppendFrame(frame[:0]); err != nil {
			fmt.Println(err)
			return
		}
		got, done, err := r.AppendPacket(nil, frame, link, nil, lowpan.Options{}, 0)
		fmt.Println(len(frame), len(got), done, err)
	}
	// Output:
	// 96 0 false <nil>
	// 93 200 true <nil>
}
