//go:build race

package learn

// raceEnabled says that tests run several times slower.
const raceEnabled = true
