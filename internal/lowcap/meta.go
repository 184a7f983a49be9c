package lowcap

import (
	"strings"

	"github.com/schckit/schckit/internal/pcapio"
)

// A compressed capture remembers in the descriptions of its interfaces what
// they were made of, in the form of pcapio.Meta behind another first word: SCHC
// decompressors must not take it for theirs.
const (
	metaPrefix = "schckit-lowpan "
	schcPrefix = "schckit "
)

// Derive returns the interface of a compressed capture for packets of f that
// became frames of link type t, or that were passed through. iface is the number
// of f, format that of the file.
func Derive(f *pcapio.Interface, passed bool, t pcapio.LinkType, iface int, format pcapio.Format) pcapio.Interface {
	role := pcapio.RoleUp // either direction will do
	if passed {
		role = pcapio.RolePass
	}
	g := f.Derive(role, iface, format, 0, nil)
	if !passed {
		g.LinkType, g.Name, g.SnapLen = t, "6lowpan", 0
	}
	g.Description = metaPrefix + strings.TrimPrefix(g.Description, schcPrefix)
	return g
}

// Original undoes Derive; ok is false for an interface that Derive did not make.
func Original(f *pcapio.Interface) (orig pcapio.Interface, m pcapio.Meta, ok bool) {
	rest, ok := strings.CutPrefix(f.Description, metaPrefix)
	if !ok {
		return orig, m, false
	}
	g := *f
	g.Description = schcPrefix + rest
	return g.Original()
}
