package filesync

import (
	"flag"
	"os"
	"runtime"
	"strconv"
	"testing"
)

// TestMain runs more tests at once than there are processors, unless the command line says how many: they wait most of
// the time.
func TestMain(m *testing.M) {
	flag.Parse()
	const atOnce = 8
	if f := flag.Lookup("test.parallel"); f.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = f.Value.Set(strconv.Itoa(atOnce)) // it is a number
	}
	os.Exit(m.Run())
}
