package main

import (
	"context"
	"crypto/aes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/schckit/schckit/internal/report"
	"github.com/schckit/schckit/schc"
	"github.com/schckit/schckit/sse"
	"github.com/schckit/schckit/sse/ssenet"
)

// demoRow is what one transport carried.
type demoRow struct {
	Transport    string `json:"transport"`
	State        string `json:"state"`
	Packets      uint64 `json:"packets"`
	PayloadBytes uint64 `json:"payload_bytes"`
	PacketBytes  uint64 `json:"packet_bytes"`
	HdrWhole     uint64 `json:"hdr_whole_bytes"`
	HdrSent      uint64 `json:"hdr_sent_bytes"`
	HdrSaved     uint64 `json:"hdr_saved_bytes"`
}

func (r *demoRow) add(o *demoRow) {
	r.Packets += o.Packets
	r.PayloadBytes += o.PayloadBytes
	r.PacketBytes += o.PacketBytes
	r.HdrWhole += o.HdrWhole
	r.HdrSent += o.HdrSent
	r.HdrSaved += o.HdrSaved
}

func (r *demoRow) cells() []string {
	list := []string{r.Transport, r.State}
	for _, v := range []uint64{r.Packets, r.PayloadBytes, r.PacketBytes, r.HdrWhole, r.HdrSent, r.HdrSaved} {
		list = append(list, strconv.FormatUint(v, 10))
	}
	return list
}

// demoResult is the result of schc sse demo.
type demoResult struct {
	Format    string    `json:"format"`
	Suite     string    `json:"suite"`
	Headers   sseWidths `json:"headers"`
	Deleted   int       `json:"deleted_before_payload"` // when TCP was deleted
	Sent      int       `json:"sent"`
	Arrived   int       `json:"arrived"`
	Twice     int       `json:"twice"`
	Wrong     int       `json:"wrong"`
	Transport []demoRow `json:"transports"`
	Total     demoRow   `json:"total"`
}

const demoMax = 100000

func newSSEDemo(e *env) *cobra.Command {
	var f format
	count := 400
	cmd := &cobra.Command{
		Use:   "demo [flags]",
		Short: "Run a session over TCP and UDP on loopback, and delete one of them on the way",
		Long: `Run both ends of a session over loopback sockets: they negotiate with HIP parameters
(compact format, AES-CCM-8, headers with 8 bits of the Sequence Number), take random
keys, and the device sends payloads over TCP and UDP in turn. Half-way TCP is deleted,
and the session goes on over UDP. All payloads must arrive once; else the exit code is 1.

The table shows what went over each transport, and what the headers of 8 bytes became.
Over TCP they keep the Length and the whole Sequence Number.`,
		Example: `  schc sse demo
  schc sse demo -n 1000 -f json`,
		Args: maxArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			if count < 2 || count > demoMax {
				return usagef(cmd, "-n: %d is not 2 to %d", count, demoMax)
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			r, err := sseDemo(ctx, count)
			if err != nil {
				return err
			}
			if err := r.write(e.stdout, f.text); err != nil {
				return err
			}
			if r.Arrived != r.Sent || r.Twice+r.Wrong > 0 {
				e.report(fmt.Errorf("%d of %d payloads arrived, %d twice, %d wrong", r.Arrived, r.Sent, r.Twice, r.Wrong))
				return errFailed
			}
			return nil
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().IntVarP(&count, "count", "n", count, "payloads to send, 2 to 100000")
	f.add(cmd)
	return cmd
}

// demoKeys are the keys of both directions, which a key management would give.
func demoKeys(a *sse.Agreement) (device, app sse.Config, err error) {
	key := func(spi uint32) (sse.Key, error) {
		secret := make([]byte, int(a.KeyBits)/8+a.Suite.SaltLen())
		rand.Read(secret)
		n := int(a.KeyBits) / 8
		block, err := aes.NewCipher(secret[:n])
		return sse.Key{SPI: spi, Block: block, Salt: secret[n:]}, err
	}
	up, err := key(a.InSPI)
	if err != nil {
		return device, app, err
	}
	down, err := key(a.OutSPI)
	device = sse.Config{Format: a.Format, Suite: a.Suite, Out: up, In: down, Headers: &a.Headers}
	app = device
	app.Out, app.In, app.Dir = down, up, schc.DirDown
	return device, app, err
}

// demoEnds makes both ends with a TCP connection (transport 1) and UDP sockets (2).
func demoEnds(ctx context.Context, a *sse.Agreement, ended func(ssenet.Info)) (device, app *ssenet.Session, err error) {
	cd, ca, err := demoKeys(a)
	if err != nil {
		return nil, nil, err
	}
	if device, err = ssenet.New(ssenet.Config{SSE: cd, Schedule: ssenet.ScheduleRotate, OnEnd: ended}); err != nil {
		return nil, nil, err
	}
	if app, err = ssenet.New(ssenet.Config{SSE: ca}); err != nil {
		return nil, nil, err
	}
	fail := func(err error) (*ssenet.Session, *ssenet.Session, error) {
		device.Close()
		app.Close()
		return nil, nil, err
	}
	var lc net.ListenConfig
	var d net.Dialer
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fail(err)
	}
	defer l.Close()
	c, err := d.DialContext(ctx, "tcp", l.Addr().String())
	if err != nil {
		return fail(err)
	}
	if _, err := device.AddStream(c); err != nil {
		return fail(err)
	}
	if c, err = l.Accept(); err != nil {
		return fail(err)
	}
	if _, err := app.AcceptStream(c); err != nil {
		return fail(err)
	}
	pc, err := lc.ListenPacket(ctx, "udp", "127.0.0.1:0")
	if err != nil {
		return fail(err)
	}
	if _, err := app.AddPacketConn(pc, nil); err != nil {
		return fail(err)
	}
	if c, err = d.DialContext(ctx, "udp", pc.LocalAddr().String()); err != nil {
		return fail(err)
	}
	if _, err := device.AddDatagram(c); err != nil {
		return fail(err)
	}
	return device, app, nil
}

func sseDemo(ctx context.Context, count int) (*demoResult, error) {
	policy := sse.Policy{Suites: []sse.Suite{sse.SuiteCCM8, sse.SuiteCCM16}, Widths: []sse.Widths{{SNBits: 8}}}
	theirs := policy
	policy.SPI, theirs.SPI = 0x010203, 0x0a0b0c
	offer, err := sse.Offer(policy)
	if err != nil {
		return nil, err
	}
	answer, _, err := sse.Select(offer, theirs)
	if err != nil {
		return nil, err
	}
	a, err := sse.Accept(offer, answer, policy)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var gone []ssenet.Info
	device, app, err := demoEnds(ctx, &a, func(i ssenet.Info) {
		mu.Lock()
		defer mu.Unlock()
		gone = append(gone, i)
	})
	if err != nil {
		return nil, err
	}
	defer app.Close()
	deadline, _ := ctx.Deadline()
	device.SetDeadline(deadline)
	app.SetDeadline(deadline)

	r := &demoResult{Format: a.Format.String(), Suite: a.Suite.String(), Headers: sseWidths{a.Headers.SPIBits, a.Headers.SNBits}, Deleted: count / 2}
	err = r.send(device, app, count)
	up := device.Transports()
	device.Close() // ends what was deleted, too
	if err != nil {
		return nil, err
	}
	mu.Lock()
	defer mu.Unlock()
	for _, i := range gone {
		if i.ID == 1 {
			r.row(&i, "tcp", "deleted")
		}
	}
	for _, i := range up {
		if i.ID == 2 {
			r.row(&i, "udp", i.State.String())
		}
	}
	r.Total.Transport = "total"
	return r, nil
}

// send sends the payloads while they are received.
func (r *demoResult) send(device, app *ssenet.Session, count int) error {
	const ahead = 32 // so that the kernel does not have to drop datagrams
	payload := func(i int) string {
		return fmt.Sprintf(`{"n":"device/temperature","t":%d,"v":%.1f}`, i, 20+float64(i%70)/10)
	}
	room := make(chan struct{}, ahead)
	done := make(chan error, 1)
	seen := make([]bool, count)
	go func() {
		for r.Arrived < count {
			m, err := app.ReadMessage()
			if err != nil {
				done <- err
				return
			}
			var i int
			_, err = fmt.Sscanf(string(m.Payload), `{"n":"device/temperature","t":%d`, &i)
			switch {
			case err != nil || i < 0 || i >= count || string(m.Payload) != payload(i):
				r.Wrong++
			case seen[i]:
				r.Twice++
			default:
				seen[i] = true
				r.Arrived++
				<-room
			}
		}
		done <- nil
	}()
	for i := 0; i < count; i++ {
		if i == r.Deleted {
			if err := device.Delete(1); err != nil {
				return err
			}
		}
		select {
		case room <- struct{}{}:
		case err := <-done:
			return errors.Join(err, errors.New("the receiver ended early"))
		}
		if _, err := io.WriteString(device, payload(i)); err != nil {
			return err
		}
		r.Sent++
	}
	return <-done
}

func (r *demoResult) row(i *ssenet.Info, name, state string) {
	whole := i.Sent.Packets * uint64(sse.FormatCompact.HeaderLen())
	row := demoRow{name, state, i.Sent.Packets, i.Sent.Payload, i.Sent.Bytes, whole, whole - i.Sent.HeaderSaved, i.Sent.HeaderSaved}
	r.Transport = append(r.Transport, row)
	r.Total.add(&row)
}

var demoColumns = []string{"transport", "state", "packets", "payload_bytes", "packet_bytes", "hdr_whole_bytes", "hdr_sent_bytes", "hdr_saved_bytes"}

func (r *demoResult) write(w io.Writer, form string) error {
	rows := append(append([]demoRow{}, r.Transport...), r.Total)
	switch form {
	case "json":
		return report.WriteJSON(w, r)
	case "jsonl":
		return report.WriteJSONLine(w, r)
	case "tsv":
		list := [][]string{demoColumns}
		for i := range rows {
			list = append(list, rows[i].cells())
		}
		return report.WriteTSV(w, list)
	}
	fmt.Fprintf(w, "%s, %s, headers with %d bits of the Sequence Number; TCP is deleted before payload %d\n\n", r.Format, r.Suite, r.Headers.SNBits, r.Deleted+1)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "transport\tstate\tpackets\tpayload\tpackets\theaders: whole\tsent\tsaved\t")
	fmt.Fprintln(t, "\t\t\tbytes\tbytes\tbytes\tbytes\tbytes\t")
	for i := range rows {
		for _, c := range rows[i].cells() {
			fmt.Fprint(t, c, "\t")
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%d sent, %d arrived, %d twice\n", r.Sent, r.Arrived, r.Twice)
	return err
}
