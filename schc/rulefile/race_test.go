//go:build race

package rulefile

// raceEnabled says that tests run several times slower.
const raceEnabled = true
