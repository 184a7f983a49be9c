// Package eec holds the compiled Rule for the ESP header (EEC).
package eec
