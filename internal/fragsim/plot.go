package fragsim

import (
	"image/color"
	"io"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/schckit/schckit/internal/chart"
)

const (
	plotWidth  = 480 // points
	plotHeight = 480
)

// WritePlot draws the delivered share and the time on air against the share of
// losses, from Sweep, as SVG or PNG. The same Report always gives the same bytes.
func (r *Report) WritePlot(w io.Writer, png bool) error {
	var delivered, confirmed, air plotter.XYs
	for _, p := range r.Sweep {
		delivered = append(delivered, plotter.XY{X: 100 * p.Loss, Y: 100 * p.DeliveredShare})
		confirmed = append(confirmed, plotter.XY{X: 100 * p.Loss, Y: 100 * p.ConfirmedShare})
		air = append(air, plotter.XY{X: 100 * p.Loss, Y: p.AirMsPerPacket / 1000})
	}
	top, bottom := plot.New(), plot.New()
	top.Title.Text = r.Profile + ", " + r.Radio
	top.Title.Padding = 8
	top.Y.Label.Text = "packets, %"
	top.Y.Min, top.Y.Max = 0, 105
	top.Legend.Padding = 3
	top.Legend.Left = true
	bottom.Y.Label.Text = "time on air, s per packet"
	bottom.X.Label.Text = "messages lost, %"
	for _, c := range []struct {
		p      *plot.Plot
		xy     plotter.XYs
		name   string
		colour color.Color
		dashes []vg.Length
	}{
		{top, delivered, "delivered", color.NRGBA{0x00, 0x72, 0xb2, 0xff}, nil},
		{top, confirmed, "and the sender knows", color.NRGBA{0xe6, 0x9f, 0x00, 0xff}, []vg.Length{4, 3}},
		{bottom, air, "", color.NRGBA{0xd5, 0x5e, 0x00, 0xff}, nil},
	} {
		l, points, err := plotter.NewLinePoints(c.xy)
		if err != nil {
			return err
		}
		l.Width, l.Color, l.Dashes = 1.5, c.colour, c.dashes
		points.Color, points.Shape, points.Radius = c.colour, draw.CircleGlyph{}, 2
		c.p.Add(l, points)
		if c.name != "" {
			c.p.Legend.Add(c.name, l, points)
		}
		for _, xy := range c.xy {
			c.p.Y.Max = max(c.p.Y.Max, xy.Y*1.1)
		}
	}
	bottom.Y.Min = 0
	var ticks []plot.Tick
	for v := 0; v <= 100; v += 10 {
		ticks = append(ticks, plot.Tick{Value: float64(v), Label: strconv.Itoa(v)})
	}
	top.X.Tick.Marker, bottom.X.Tick.Marker = plot.ConstantTicks(ticks), plot.ConstantTicks(ticks)
	for _, p := range []*plot.Plot{top, bottom} {
		p.Add(plotter.NewGrid())
		chart.Sans(p)
	}
	pad := vg.Points(8)
	tiles := draw.Tiles{Rows: 2, Cols: 1, PadTop: pad, PadBottom: pad, PadLeft: pad, PadRight: pad, PadY: pad}
	both := func(c draw.Canvas) {
		canvases := plot.Align([][]*plot.Plot{{top}, {bottom}}, tiles, c)
		top.Draw(canvases[0][0])
		bottom.Draw(canvases[1][0])
	}
	if png {
		return chart.WritePNG(w, plotWidth, plotHeight, both)
	}
	return chart.WriteSVG(w, plotWidth, plotHeight, both)
}
