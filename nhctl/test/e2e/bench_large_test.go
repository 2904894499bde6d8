//go:build e2e && bench

package e2e

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// benchLarge syncs one file of 500 MB, and sends as much through a plain port-forward.
func benchLarge(t *testing.T) []row {
	const size = 500_000_000
	dev, src := bench(t, nil, nil)
	defer dev.must(src, "dev", "end")
	large := filepath.Join(dev.home, "large.bin")
	f, err := os.Create(large)
	if err == nil {
		_, err = io.CopyN(f, rand.Reader, size)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	seen := inReader(t, dev, src, "size", "large.bin", strconv.Itoa(size))
	begin := time.Now()
	if err := os.Rename(large, filepath.Join(src, "large.bin")); err != nil {
		t.Fatal(err)
	}
	ours := seen().Sub(begin).Seconds()
	raw := throughPortForward(t, dev, src, size)
	return []row{{
		What:     "one file of 500 MB",
		Measured: fmt.Sprintf("%.0f MB/s", size/1e6/ours),
		Target:   "0.5 of a raw port-forward",
		Baseline: fmt.Sprintf("raw port-forward: %.0f MB/s", size/1e6/raw),
		Ratio:    fmt.Sprintf("%.2f", raw/ours),
		Missed:   raw/ours < 0.5,
		Raw:      map[string]any{"ours": ours, "baseline": raw},
	}}
}

// benchForward sends bytes through a forwarded port, and through kubectl's port-forward to the same program. The first
// round warms both up.
func benchForward(t *testing.T) []row {
	const size = 500_000_000
	dev, src := bench(t, nil, nil)
	defer dev.must(src, "dev", "end")
	dev.must(src, "dev", "forward", ":"+sinkPort)
	local := ""
	for _, f := range query[rpc.Session](dev, src, "dev", "status").Forwards {
		if strconv.Itoa(f.Remote) == sinkPort {
			local = net.JoinHostPort("127.0.0.1", strconv.Itoa(f.Local))
		}
	}
	var ours, raw []float64
	for i := range rounds + 1 {
		forwarded := intoSink(t, dev, src, local, size)
		if direct := throughPortForward(t, dev, src, size); i > 0 {
			ours, raw = append(ours, forwarded), append(raw, direct)
		}
	}
	ratio := median(raw) / median(ours)
	return []row{{
		What:     "a forwarded port, one stream of 500 MB",
		Measured: fmt.Sprintf("%.0f MB/s", size/1e6/median(ours)),
		Target:   "0.8 of a raw port-forward",
		Baseline: fmt.Sprintf("raw port-forward: %.0f MB/s", size/1e6/median(raw)),
		Ratio:    fmt.Sprintf("%.2f", ratio),
		Missed:   ratio < 0.8,
		Raw:      map[string]any{"ours": ours, "baseline": raw},
	}}
}

// sinkPort is the port in the dev container that programs which only receive listen on.
const sinkPort = "19999"

// throughPortForward returns how long bytes take through kubectl's port-forward to the container, in seconds.
func throughPortForward(t *testing.T, dev *developer, src string, size int) float64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	pod := query[rpc.Session](dev, src, "dev", "status").Pod
	cmd := exec.CommandContext(ctx, filepath.Join(os.Getenv("NHCTL_TEST_BIN"), "playground.d", "kube"), "kubectl",
		"--kubeconfig", dev.kubeconfig, "port-forward", "--address", "127.0.0.1", pod, ":"+sinkPort)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { cancel(); _ = cmd.Wait() }()
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("kubectl port-forward says nothing")
	}
	address, _, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "Forwarding from "), " ")
	return intoSink(t, dev, src, address, size)
}

// intoSink returns how long bytes take from a local address to a program in the container, in seconds.
func intoSink(t *testing.T, dev *developer, src, address string, size int) float64 {
	t.Helper()
	received := inReader(t, dev, src, "sink", sinkPort, strconv.Itoa(size))
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	begin, chunk := time.Now(), make([]byte, 1<<20)
	for left := size; left > 0; left -= len(chunk) {
		if _, err := conn.Write(chunk[:min(left, len(chunk))]); err != nil {
			t.Fatal(err)
		}
	}
	return received().Sub(begin).Seconds()
}

// benchReconnect cuts all connections to the API server for 2 s, and measures from the first one that stands again
// until an edit that was made in the meantime is visible.
func benchReconnect(t *testing.T) []row {
	l := newLink(t, 0)
	dev, src := bench(t, l, nil)
	defer dev.must(src, "dev", "end")
	session := query[rpc.Session](dev, src, "dev", "status")
	var ours []float64
	for i := range rounds {
		text := strconv.Itoa(i)
		// The reader is reached past the link.
		seen := begun(t, exec.Command(filepath.Join(os.Getenv("NHCTL_TEST_BIN"), "playground.d", "kube"), "kubectl",
			"--kubeconfig", os.Getenv("NHCTL_TEST_KUBECONFIG"), "-n", session.Namespace,
			"exec", session.Pod, "-c", "catalog", "--", "/tmp/reader", "first", "/home/dev/src/cut.txt", text))
		l.cut()
		write(t, filepath.Join(src, "cut.txt"), text)
		time.Sleep(2 * time.Second)
		l.restore()
		at := seen()
		ours = append(ours, at.Sub(l.first()).Seconds())
	}
	return []row{{
		What:     "carrier cut for 2 s: edit made during it visible after the first redial",
		Measured: fmt.Sprintf("%.2f s", median(ours)),
		Target:   "1.5 s",
		Baseline: "-",
		Ratio:    "-",
		Missed:   median(ours) > 1.5,
		Raw:      ours,
	}}
}

const treeFiles = 100_000

// benchTree measures a first sync of 100,000 files, and what a tree of that size costs afterwards.
func benchTree(t *testing.T) []row {
	small, smallSrc := bench(t, nil, nil)
	few := saving(t, small, smallSrc, 50, 300*time.Millisecond)
	small.must(smallSrc, "dev", "end")

	dev := shared.developer(t, shop(t))
	src := dev.sources(catalog)
	manyFiles(t, src, treeFiles)
	step := startWithReader(t, dev, src)
	defer dev.must(src, "dev", "end")
	begin := time.Now()
	dev.must(src, "dev", "sync", "wait", "--timeout", "5m")
	first := firstSyncRow(treeFiles, []float64{step}, []float64{step + time.Since(begin).Seconds()},
		[]float64{tarThroughExec(t, dev, src)})
	many := saving(t, dev, src, 50, 300*time.Millisecond)
	ns := query[rpc.Session](dev, src, "dev", "status").Namespace
	time.Sleep(10 * time.Second) // at rest
	const watched = 60 * time.Second
	before := cpuOf(t, ns, dev)
	time.Sleep(watched)
	after := cpuOf(t, ns, dev)
	var cpu [2]float64
	for i := range cpu {
		cpu[i] = 100 * (after[i] - before[i]) / watched.Seconds()
	}
	ratio := median(many) / median(few)
	return append([]row{
		first,
		{
			What:     "save to visible in a tree of 100,000 files (p50)",
			Measured: fmt.Sprintf("%.1f ms", median(many)),
			Target:   "2 times that of a few files",
			Baseline: fmt.Sprintf("a few files: %.1f ms", median(few)),
			Ratio:    fmt.Sprintf("%.2f", ratio),
			Missed:   ratio > 2,
			Raw:      map[string]any{"ours": many, "baseline": few},
		},
		{
			What:     "CPU at rest, 100,000 files (daemon / sidecar)",
			Measured: fmt.Sprintf("%.2f / %.2f %% of a core", cpu[0], cpu[1]),
			Target:   "under 1 %",
			Baseline: "-",
			Ratio:    "-",
			Missed:   cpu[0] >= 1 || cpu[1] >= 1,
			Raw:      cpu,
		},
	}, memoryRows(t, dev, ns, treeFiles, 250, 200)...)
}

// memoryRows tells the memory of both ends, in MB.
func memoryRows(t *testing.T, dev *developer, ns string, files int, daemonLimit, sidecarLimit float64) []row {
	t.Helper()
	line := func(who, status string, limit float64) row {
		rest, peak := resident(t, status)
		return row{
			What:     fmt.Sprintf("%s memory, %d files (at rest / peak)", who, files),
			Measured: fmt.Sprintf("%.0f / %.0f MB", rest, peak),
			Target:   fmt.Sprintf("%.0f MB at rest", limit),
			Baseline: "-",
			Ratio:    "-",
			Missed:   rest > limit,
			Raw:      []float64{rest, peak},
		}
	}
	return []row{line("daemon", read(t, fmt.Sprintf("/proc/%d/status", dev.daemonPID())), daemonLimit),
		line("sidecar", inSidecar(t, ns, "/proc/1/status"), sidecarLimit)}
}

func inSidecar(t *testing.T, ns, file string) string {
	t.Helper()
	out, err := kubectl(t, os.Getenv("NHCTL_TEST_KUBECONFIG"), "-n", ns, "exec", shared.twinPod(t, ns), "-c",
		contract.SidecarContainer, "--", "cat", file)
	if err != nil {
		t.Fatalf("%s %v", out, err)
	}
	return out
}

// cpuOf is the CPU time of daemon and sidecar so far, in seconds.
func cpuOf(t *testing.T, ns string, dev *developer) [2]float64 {
	t.Helper()
	seconds := func(stat string) float64 {
		const user, system, ticks = 11, 12, 100 // behind the name, which may have spaces
		fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
		u, _ := strconv.ParseFloat(fields[user], 64)
		s, _ := strconv.ParseFloat(fields[system], 64)
		return (u + s) / ticks
	}
	return [2]float64{seconds(read(t, fmt.Sprintf("/proc/%d/stat", dev.daemonPID()))),
		seconds(inSidecar(t, ns, "/proc/1/stat"))}
}

var memoryLine = regexp.MustCompile(`(?m)^(VmRSS|VmHWM):\s+(\d+) kB`)

// resident reads resident memory now and at its peak, in MB.
func resident(t *testing.T, status string) (rest, peak float64) {
	t.Helper()
	for _, m := range memoryLine.FindAllStringSubmatch(status, -1) {
		kb, _ := strconv.ParseFloat(m[2], 64)
		if m[1] == "VmRSS" {
			rest = kb / 1000
		} else {
			peak = kb / 1000
		}
	}
	return rest, peak
}
