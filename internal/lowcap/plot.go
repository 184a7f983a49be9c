package lowcap

import (
	"fmt"
	"image/color"
	"io"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/schckit/schckit/internal/chart"
)

// The colours of the methods: told apart by people who see few colours, too.
var colors = []color.Color{
	color.NRGBA{0x99, 0x99, 0x99, 0xff},
	color.NRGBA{0x00, 0x72, 0xb2, 0xff},
	color.NRGBA{0x56, 0xb4, 0xe9, 0xff},
	color.NRGBA{0xe6, 0x9f, 0x00, 0xff},
	color.NRGBA{0xd5, 0x5e, 0x00, 0xff},
}

// WriteSVG draws the table of bytes per packet as bars. The same Comparison
// always gives the same bytes.
func (c *Comparison) WriteSVG(w io.Writer, title string) error {
	p, width, err := c.plot(title)
	if err != nil {
		return err
	}
	return chart.WriteSVG(w, width, height, p.Draw)
}

// ticks are the usual ticks with no more digits than they need.
type ticks struct{}

func (ticks) Ticks(lo, hi float64) []plot.Tick {
	l := plot.DefaultTicks{}.Ticks(lo, hi)
	for i := range l {
		if l[i].Label != "" {
			l[i].Label = float(l[i].Value)
		}
	}
	return l
}

const (
	height   = 320 // points
	barWidth = 24
)

// plot makes the plot, and says how wide it is.
func (c *Comparison) plot(title string) (*plot.Plot, vg.Length, error) {
	p := plot.New()
	p.Title.Text = title
	p.Title.Padding = 8
	p.Y.Label.Text = "bytes per packet"
	p.Y.Min = 0
	p.Y.Tick.Marker = ticks{}
	p.Legend.Top = true
	p.Legend.Padding = 3
	grid := plotter.NewGrid()
	grid.Vertical.Color = nil
	p.Add(grid)

	groups := make([]string, 0, len(c.Protocols)+1)
	for _, r := range c.Protocols {
		groups = append(groups, fmt.Sprintf("%s (%d)", r.Protocol, r.Packets))
	}
	groups = append(groups, fmt.Sprintf("all (%d)", c.Packets))
	for i, name := range c.names {
		var vs plotter.Values
		labels := plotter.XYLabels{}
		for g := range groups {
			m := c.Methods[i]
			if g < len(c.Protocols) {
				m = c.Protocols[g].Methods[i]
			}
			vs = append(vs, m.BytesPerPacket)
			labels.XYs = append(labels.XYs, plotter.XY{X: float64(g), Y: m.BytesPerPacket})
			labels.Labels = append(labels.Labels, fmt.Sprintf("%.1f", m.BytesPerPacket))
			p.Y.Max = max(p.Y.Max, m.BytesPerPacket*1.25)
		}
		bars, err := plotter.NewBarChart(vs, barWidth-2)
		if err != nil {
			return nil, 0, err
		}
		bars.Color = colors[i%len(colors)]
		bars.LineStyle.Width = 0
		bars.Offset = vg.Length(barWidth * (float64(i) - float64(len(c.names)-1)/2))
		text, err := plotter.NewLabels(labels)
		if err != nil {
			return nil, 0, err
		}
		for l := range text.TextStyle {
			text.TextStyle[l].Font.Size = 7.5
			text.TextStyle[l].Font.Variant = "Sans"
			text.TextStyle[l].XAlign = draw.XCenter
		}
		text.Offset = vg.Point{X: bars.Offset, Y: 2}
		p.Add(bars, text)
		p.Legend.Add(name, bars)
	}
	p.NominalX(groups...)
	p.X.Min, p.X.Max = -0.6, float64(len(groups))-0.4
	chart.Sans(p)
	return p, vg.Length(barWidth*(len(c.names)+1)*len(groups) + 110), nil
}
