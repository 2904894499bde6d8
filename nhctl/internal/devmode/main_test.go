package devmode

import (
	"os"
	"runtime/debug"
	"testing"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(800) // clusters in memory make much garbage, and are small
	os.Exit(m.Run())
}
