//go:build race

package gpcomp

// raceEnabled says that tests run several times slower.
const raceEnabled = true
