// Package chart has what the plots of the tool have in common: fonts and files.
package chart

import (
	"bytes"
	"io"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// The font of the plots, and what stands in for it where it is not installed.
const (
	sans      = "font-family:Liberation Sans"
	sansOrAny = sans + ",Arial,Helvetica,sans-serif"
)

// Sans sets the fonts of a plot.
func Sans(p *plot.Plot) {
	for _, f := range []*font.Font{&p.Title.TextStyle.Font, &p.X.Label.TextStyle.Font, &p.Y.Label.TextStyle.Font,
		&p.X.Tick.Label.Font, &p.Y.Tick.Label.Font, &p.Legend.TextStyle.Font} {
		f.Variant = "Sans"
	}
}

// WriteSVG writes what f draws as SVG. The same drawing always gives the same
// bytes.
func WriteSVG(w io.Writer, width, height vg.Length, f func(c draw.Canvas)) error {
	canvas := vgsvg.New(width, height)
	f(draw.New(canvas))
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return err
	}
	_, err := w.Write(bytes.ReplaceAll(b.Bytes(), []byte(sans), []byte(sansOrAny)))
	return err
}

// WritePNG writes what f draws as PNG, with 144 dots an inch.
func WritePNG(w io.Writer, width, height vg.Length, f func(c draw.Canvas)) error {
	canvas := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(144))
	f(draw.New(canvas))
	_, err := vgimg.PngCanvas{Canvas: canvas}.WriteTo(w)
	return err
}
