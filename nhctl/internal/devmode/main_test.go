package devmode

import (
	"os"
	"runtime/debug"
	"testing"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // clusters in memory make much garbage, and are small
	os.Exit(m.Run())
}
