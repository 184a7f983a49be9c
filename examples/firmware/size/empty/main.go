// Command empty is what the other programs of this directory are without schc.
package main

var packet, frame [210]byte

func main() {
	n := copy(packet[:], frame[:])
	println(n, packet[3])
}
