// Package esp is the data path of the IP Encapsulating Security Payload (RFC
// 4303) for IPv4 and IPv6: Security Associations that protect and open packets.
//
//	var suite esp.Suite
//	err := suite.Init(algorithm, key, nil)
//	var sa esp.SA
//	err = sa.Init(esp.Config{SPI: 0x1001, Mode: esp.ModeTunnel, Src: src, Dst: dst}, &suite)
//	dst, err = sa.AppendSeal(dst, packet)
//
// What of the specifications is here:
//
//	RFC 4303  2      packet format, padding, dummy packets          done
//	          2.2.1  Extended Sequence Numbers, Appendix A          done
//	          2.7    TFC padding                                    accepted in tunnels,
//	                 never made; in transport mode nothing tells it from payload
//	          3.1    tunnel and transport mode                      done
//	          3.3.3  sequence numbers, exhaustion                   done
//	          3.4.1  reassembly                                     not done: ErrUnsupported
//	          3.4.3  anti-replay                                    done, as in RFC 6479
//	RFC 4301  4.1    SA lookup by SPI and addresses                 done; no SPD
//	          5.1.2  outer header of tunnels                        fixed, see AppendSeal
//	RFC 3948         UDP encapsulation                              done; no NAT keepalives
//	RFC 9333         minimal ESP                                    SA.Advance, NoWindow
//	RFC 3602, 3686, 4106, 4309, 4543, 7634, 8750, 2404, 2410, 4868  see Encr and Integ
//
// An SA and its Suite have work space and counters: they are for one goroutine
// at a time, as an SAD is. No function retains or writes to a packet that it is
// given. Slices that Config holds are the caller's and in use as long as the SA.
//
// Sealing and opening do not allocate per packet when the buffers have room.
// Firmware gives a cipher of its own to InitAEAD or InitBlock and memory for the
// window in Config.Memory; then set-up does not allocate either.
package esp
