//go:build e2e && bench

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/baseprotocol"
)

// benchIDE measures the start of `nhctl ide` up to its answer to an editor, with a daemon that runs, and what it has in
// memory once it rests: all of it, and what no other process shares. The baseline is the program without any work.
func benchIDE(t *testing.T) []row {
	_, dev, src := atSmall(t)
	dev.must(src, "daemon", "start")
	const starts = 11
	var up, base, resident, own []float64
	for range starts {
		begin := time.Now()
		dev.must(src, "version")
		base = append(base, float64(time.Since(begin).Microseconds())/1000)
		ms, all, anonymous := startIDE(t, dev, src)
		up, resident, own = append(up, ms), append(resident, all), append(own, anonymous)
	}
	const most, mostMemory = 100, 30
	return []row{{
		What:     "nhctl ide up",
		Measured: fmt.Sprintf("%.0f ms", median(up)),
		Target:   fmt.Sprintf("%d ms", most),
		Baseline: fmt.Sprintf("nhctl version: %.0f ms", median(base)),
		Ratio:    fmt.Sprintf("%.2f", median(up)/median(base)),
		Missed:   median(up) > most,
		Raw:      map[string]any{"ours": up, "baseline": base},
	}, {
		What:     "nhctl ide in memory (of its own)",
		Measured: fmt.Sprintf("%.0f MB (%.0f MB)", median(resident), median(own)),
		Target:   fmt.Sprintf("%d MB", mostMemory),
		Missed:   median(resident) > mostMemory,
		Raw:      map[string]any{"resident": resident, "own": own},
	}}
}

// startIDE starts `nhctl ide`, and ends it. It returns the milliseconds to its first answer, and its resident memory a
// second later: all, and the anonymous part, in MB.
func startIDE(t *testing.T, dev *developer, src string) (up, resident, own float64) {
	t.Helper()
	cmd := dev.command(t.Context(), src, "ide")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	say := `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`
	if _, err := in.Write(baseprotocol.Frame([]byte(say))); err != nil {
		t.Fatal(err)
	}
	answer, err := baseprotocol.NewReader(out, 1<<20).Next()
	up = float64(time.Since(begin).Microseconds()) / 1000
	var known struct{ Result struct{ Daemon *struct{} } }
	if err != nil || json.Unmarshal(answer, &known) != nil || known.Result.Daemon == nil {
		t.Fatalf("it answers %s, %v", answer, err)
	}
	time.Sleep(time.Second) // what its start has needed is given back
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	resident, own = field(t, string(status), "VmRSS"), field(t, string(status), "RssAnon")
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return up, resident, own
}

// field is a number of kB in a process's status, in MB.
func field(t *testing.T, status, name string) float64 {
	t.Helper()
	var kb float64
	_, rest, _ := strings.Cut(status, "\n"+name+":")
	if _, err := fmt.Sscan(rest, &kb); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return kb / 1000
}
