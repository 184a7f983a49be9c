//go:build race

package main

// raceEnabled says that tests run several times slower.
const raceEnabled = true
