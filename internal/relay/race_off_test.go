//go:build !race

package relay_test

const memoryFactor = 1
