//go:build e2e && bench

package e2e

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/dap/daptest"
)

const debugConfig = `
hotReload: %t
command:
  run: go run .
debug: {language: go}`

// benchDebug compares a launch by `nhctl dap`, up to a breakpoint of a service that has changed, with delve's own
// commands in the container; and a save under the debugger, up to the next program's breakpoints, with the build alone.
func benchDebug(t *testing.T) []row {
	_, dev, src := atShop(t)
	configure(t, src, "catalog", "dev-go", fmt.Sprintf(debugConfig, false))
	dev.must(src, "dev", "start", "--mode", "duplicate", "--no-terminal")
	defer dev.must(src, "dev", "end")
	dev.must(src, "dev", "debug") // the first build compiles all packages
	file := filepath.Join(src, "main.go")
	line := lineOf(t, file, `log.Printf("catalog: listening`)
	greeting := "Welcome to the bookshop"
	greet := func(next string) {
		edit(t, file, greeting, next)
		greeting = next
	}

	const rounds = 5
	var launched, connected []float64
	for i := range rounds {
		greet(fmt.Sprintf("Launched %d.", i))
		begin := time.Now()
		p := dev.dap(src)
		p.Begin("launch", `{"wait":true}`, file, daptest.Breakpoint{Line: line})
		at := p.Stopped()
		launched = append(launched, float64(time.Since(begin).Milliseconds()))
		p.Continue(at)
		p.leaves("")
		connected = append(connected, milliseconds(t, dev, src, fmt.Sprintf(connectByHand, i, line)))
	}

	configure(t, src, "catalog", "dev-go", fmt.Sprintf(debugConfig, true))
	p := dev.dap(src)
	p.Begin("launch", "", file, daptest.Breakpoint{Line: lineOf(t, file, "hostname, _ := os.Hostname()")})
	var armed, built []float64
	for i := range rounds {
		begin := time.Now()
		greet(fmt.Sprintf("Reloaded %d.", i))
		p.Prints("joined the program that was built again")
		armed = append(armed, float64(time.Since(begin).Milliseconds()))
		built = append(built, milliseconds(t, dev, src, fmt.Sprintf(buildByHand, i)))
	}
	p.leaves("")
	return []row{
		beyond("F5 to breakpoint, Go", launched, "build and dlv connect in the same container", connected, 1000),
		beyond("save to armed breakpoints, Go", armed, "the build in the same container", built, 300),
	}
}

// beyond is the row of a time in milliseconds that may exceed its baseline so far.
func beyond(what string, ours []float64, than string, base []float64, most float64) row {
	over := median(ours) - median(base)
	return row{
		What:     what,
		Measured: fmt.Sprintf("%.0f ms", median(ours)),
		Target:   fmt.Sprintf("baseline + %.0f ms", most),
		Baseline: fmt.Sprintf("%s: %.0f ms", than, median(base)),
		Ratio:    fmt.Sprintf("%.2f (%+.0f ms)", median(ours)/median(base), over),
		Missed:   over > most,
		Raw:      map[string]any{"ours": ours, "baseline": base},
	}
}

// milliseconds is what a script in the dev container prints.
func milliseconds(t *testing.T, dev *developer, src, script string) float64 {
	t.Helper()
	out, err := dev.inPod(src, "sh", "-c", script)
	if err != nil {
		t.Fatalf("%s %v", out, err)
	}
	ms, err := strconv.ParseFloat(strings.TrimSpace(out), 64)
	if err != nil {
		t.Fatal(err)
	}
	return ms
}

// connectByHand builds a copy of the service with a changed line under delve, connects to it, and prints the
// milliseconds until it stands at a breakpoint.
const connectByHand = `rm -rf /tmp/hand && cp -r . /tmp/hand && cd /tmp/hand
sed -i 's/":8080"/":8081"/; s/^const Greeting = .*/const Greeting = "By hand %[1]d."/' main.go
printf 'break main.go:%[2]d\ncontinue\nexit\n' >/tmp/hand.dlv
begin=$(date +%%s%%N)
dlv debug --headless --listen=127.0.0.1:2346 --api-version=2 --output=/tmp/hand.bin >/tmp/hand.log 2>&1 &
until grep -q listening /tmp/hand.log; do sleep 0.01; done
dlv connect --init /tmp/hand.dlv 127.0.0.1:2346 </dev/null >/tmp/hand.out 2>&1
end=$(date +%%s%%N)
wait
grep -q '> .*main.main()' /tmp/hand.out || { cat /tmp/hand.log /tmp/hand.out; exit 1; }
echo $(( (end - begin) / 1000000 ))`

// buildByHand builds a copy of the service with a changed line as delve does, and prints the milliseconds.
const buildByHand = `rm -rf /tmp/hand && cp -r . /tmp/hand && cd /tmp/hand
sed -i 's/^const Greeting = .*/const Greeting = "Built by hand %[1]d."/' main.go
begin=$(date +%%s%%N)
go build -gcflags='all=-N -l' -o /tmp/hand.bin . || exit 1
end=$(date +%%s%%N)
echo $(( (end - begin) / 1000000 ))`
