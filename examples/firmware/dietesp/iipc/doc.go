// Package iipc holds the compiled Rule for the inner packet (IIPC).
package iipc
