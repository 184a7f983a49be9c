// Package ctec holds the compiled Rule for the ESP trailer (CTEC).
package ctec
