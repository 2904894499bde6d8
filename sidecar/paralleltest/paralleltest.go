// Package paralleltest is for the TestMain of packages whose tests wait most of the time.
package paralleltest

import (
	"flag"
	"runtime"
	"strconv"
)

// AtOnce has so many parallel tests run at once, more than there are processors, unless the command line says how many.
func AtOnce(tests int) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = f.Value.Set(strconv.Itoa(tests)) // it is a number
	}
}
