//go:build e2e && bench

package e2e

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// bench is a duplicate of the catalog with the reader built in its pod, for a developer who reaches the cluster over a
// link or directly.
func bench(t *testing.T, over *link, prepare func(src string)) (*developer, string) {
	t.Helper()
	ns := shop(t)
	name := randomName("dev-")
	kubeconfig := shared.user(t, ns, name)
	if over != nil {
		kubeconfig = over.kubeconfig(t, kubeconfig)
	}
	dev := shared.developerWith(t, name, kubeconfig)
	src := dev.sources(catalog)
	if prepare != nil {
		prepare(src)
	}
	startWithReader(t, dev, src)
	return dev, src
}

// startWithReader starts a duplicate, builds the reader in its pod, and returns how long the sync step took, in
// seconds.
func startWithReader(t *testing.T, dev *developer, src string) float64 {
	t.Helper()
	write(t, filepath.Join(src, "reader", "main.go"), read(t, "testdata/reader/reader.go"))
	step := syncStep(t, dev, src)
	if _, err := dev.inPod(src, "go", "build", "-o", "/tmp/reader", "./reader"); err != nil {
		t.Fatal(err)
	}
	return step
}

// saving saves a file n times with a pause, and returns in milliseconds, for each save, when it or a newer one was seen
// by a reader in the container.
func saving(t *testing.T, dev *developer, src string, n int, pause time.Duration) []float64 {
	t.Helper()
	seen := watchSaves(t, dev, src)
	written := make([]time.Time, n)
	for i := range n {
		time.Sleep(pause)
		save(t, filepath.Join(src, "saved.txt"), strconv.Itoa(i))
		written[i] = time.Now()
	}
	time.Sleep(2 * time.Second)
	save(t, filepath.Join(src, "saved.txt"), "end")
	times := seen()
	var all []float64
	numbers := slices.Sorted(maps.Keys(times))
	for i, at := range written {
		if j, _ := slices.BinarySearch(numbers, i); j < len(numbers) {
			all = append(all, float64(times[numbers[j]].Sub(at).Microseconds())/1000)
		}
	}
	return all
}

const saves = 200

// saveRow measures from the return of write() to a reader in the container that has the whole new content.
func saveRow(what string, ours []float64, n int, limit50, limit99 float64) row {
	p50, p99 := percentile(ours, 0.5), percentile(ours, 0.99)
	return row{
		What:     fmt.Sprintf("%s, %d of %d saves seen (p50 / p99)", what, len(ours), n),
		Measured: fmt.Sprintf("%.1f / %.1f ms", p50, p99),
		Target:   fmt.Sprintf("%.0f / %.0f ms", limit50, limit99),
		Missed:   p50 > limit50 || p99 > limit99 || len(ours) < n,
	}
}

func benchSave(t *testing.T) []row {
	dev, src := bench(t, nil, nil)
	defer dev.must(src, "dev", "end")
	ours := saving(t, dev, src, saves, 300*time.Millisecond)
	delayed, execs := benchWatcherDelay(t), execWrites(t, dev, src)
	r := saveRow("save to visible, 2 KiB", ours, saves, 12, 30)
	r.Baseline = fmt.Sprintf("syncthing's watcher at 1 s: %.0f / %.0f ms; write by kubectl exec: %.0f ms",
		percentile(delayed, 0.5), percentile(delayed, 0.99), median(execs))
	r.Ratio = fmt.Sprintf("%.3f; %.3f", median(ours)/median(delayed), median(ours)/median(execs))
	r.Raw = map[string]any{"ours": ours, "watcher": delayed, "exec": execs}
	return []row{r}
}

// execWrites measures how long kubectl takes to write a file in the container.
func execWrites(t *testing.T, dev *developer, src string) []float64 {
	t.Helper()
	pod := query[rpc.Session](dev, src, "dev", "status").Pod
	var all []float64
	for range 10 {
		cmd := exec.Command(filepath.Join(os.Getenv("NHCTL_TEST_BIN"), "playground.d", "kube"), "kubectl",
			"--kubeconfig", dev.kubeconfig, "exec", "-i", pod, "-c", "catalog", "--", "sh", "-c", "cat > /tmp/written")
		cmd.Stdin = strings.NewReader(strings.Repeat("x", 2048))
		begin := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %v", out, err)
		}
		all = append(all, float64(time.Since(begin).Microseconds())/1000)
	}
	return all
}

// benchSaveDistant saves over a link with a round trip of 20 ms to the API server.
func benchSaveDistant(t *testing.T) []row {
	const trip = 20 * time.Millisecond
	l := newLink(t, trip/2)
	dev, src := bench(t, l, nil)
	defer dev.must(src, "dev", "end")
	ours := saving(t, dev, src, saves/2, 300*time.Millisecond)
	r := saveRow("save to visible at a round trip of 20 ms", ours, saves/2, 50, 80)
	r.Baseline, r.Ratio, r.Raw = "the round trip: 20 ms", fmt.Sprintf("%.1f", median(ours)/20), ours
	return []row{r}
}

// benchSaveOften saves every 20 ms for 10 s.
func benchSaveOften(t *testing.T) []row {
	const n = 500
	dev, src := bench(t, nil, nil)
	defer dev.must(src, "dev", "end")
	ours := saving(t, dev, src, n, 20*time.Millisecond)
	p50, last := median(ours), ours[len(ours)-1]
	return []row{{
		What:     fmt.Sprintf("save every 20 ms for 10 s, %d of %d seen (p50 / the last one)", len(ours), n),
		Measured: fmt.Sprintf("%.0f / %.0f ms", p50, last),
		Target:   "250 (goal 25) / 300 ms",
		Baseline: "-",
		Ratio:    "-",
		Missed:   p50 > 250 || last > 300 || len(ours) < n,
		Raw:      ours,
	}}
}

// benchSwitch changes 200 files at once.
func benchSwitch(t *testing.T) []row {
	const files = 200
	change := func(src, text string) {
		for i := range files {
			write(t, filepath.Join(src, "branch", fmt.Sprintf("file-%d.txt", i)),
				text+fmt.Sprint(i)+strings.Repeat(" line of a source file\n", 40))
		}
	}
	dev, src := bench(t, nil, func(src string) { change(src, "0") })
	defer dev.must(src, "dev", "end")
	var ours, base []float64
	for i := range rounds {
		text := strconv.Itoa(i + 1)
		seen := inReader(t, dev, src, "all", "branch", strconv.Itoa(files), text)
		begin := time.Now()
		change(src, text)
		ours = append(ours, seen().Sub(begin).Seconds()*1000)
		base = append(base, tarThroughExec(t, dev, filepath.Join(src, "branch"))*1000)
	}
	return []row{{
		What:     "200 files changed at once, all visible, with the writing",
		Measured: fmt.Sprintf("%.0f ms", median(ours)),
		Target:   "400 ms",
		Baseline: fmt.Sprintf("tar through kubectl exec: %.0f ms", median(base)),
		Ratio:    fmt.Sprintf("%.2f", median(ours)/median(base)),
		Missed:   median(ours) > 400,
		Raw:      map[string]any{"ours": ours, "baseline": base},
	}}
}

// inReader runs the reader in the container, and returns once it has begun; the returned function waits for the time
// that it prints.
func inReader(t *testing.T, dev *developer, src string, args ...string) func() time.Time {
	t.Helper()
	return begun(t, dev.command(t.Context(), src, append([]string{"dev", "exec", "--", "/tmp/reader"}, args...)...))
}

// begun starts a reader, which has to say that it watches.
func begun(t *testing.T, cmd *exec.Cmd) func() time.Time {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the reader does not run")
	}
	return func() time.Time {
		t.Helper()
		limit := time.AfterFunc(3*time.Minute, func() { _ = cmd.Process.Kill() })
		defer limit.Stop()
		var at int64
		if !lines.Scan() {
			t.Fatalf("the reader ended: %v", cmd.Wait())
		}
		if _, err := fmt.Sscan(lines.Text(), &at); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		return time.Unix(0, at)
	}
}

func save(t *testing.T, file, number string) {
	t.Helper()
	text := number + " " + strings.Repeat("x", 2048-1-len(number))
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func watchSaves(t *testing.T, dev *developer, src string) func() map[int]time.Time {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	cmd := dev.command(ctx, src, "dev", "exec", "--", "/tmp/reader", "saved.txt")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the reader does not run")
	}
	return func() map[int]time.Time {
		defer cancel()
		seen := map[int]time.Time{}
		for lines.Scan() {
			var number int
			var at int64
			if _, err := fmt.Sscan(lines.Text(), &number, &at); err == nil {
				seen[number] = time.Unix(0, at)
			}
		}
		_ = cmd.Wait()
		return seen
	}
}
