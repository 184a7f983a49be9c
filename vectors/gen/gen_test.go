package main

import "testing"

// TestCheck: the files are what the generator writes (make vectors-lint).
func TestCheck(t *testing.T) {
	if err := run("..", true); err != nil {
		t.Error(err)
	}
}
