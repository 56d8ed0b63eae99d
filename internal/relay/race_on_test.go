//go:build race

package relay_test

// memoryFactor is how much more memory a process takes under the race detector.
const memoryFactor = 5
