//go:build e2e && bench

package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// kubectlExec is kubectl's way to a program in the dev container.
func kubectlExec(t *testing.T, ns string, flags ...string) []string {
	t.Helper()
	kube := filepath.Join(os.Getenv("NHCTL_TEST_BIN"), "playground.d", "kube")
	return append([]string{kube, "kubectl", "--kubeconfig", os.Getenv("NHCTL_TEST_KUBECONFIG"), "-n", ns, "exec"},
		append(flags, shared.twinPod(t, ns), "-c", "catalog", "--")...)
}

// benchConsole measures `dev exec -- true` and the echo of a terminal next to kubectl's, and looks at the supervisor's
// memory afterwards.
func benchConsole(t *testing.T) []row {
	ns, dev, src := atShop(t)
	dev.must(src, "dev", "start", "--mode", "duplicate", "--no-terminal")
	defer dev.must(src, "dev", "end")
	nhctl := filepath.Join(os.Getenv("NHCTL_TEST_BIN"), "nhctl")
	took := func(argv ...string) float64 {
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Dir, cmd.Env = src, dev.env
		begin := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %v", out, err)
		}
		return float64(time.Since(begin).Microseconds()) / 1000
	}
	var ours, base []float64
	for range 15 {
		ours = append(ours, took(nhctl, "dev", "exec", "--", "true"))
		base = append(base, took(append(kubectlExec(t, ns), "true")...))
	}
	ratio := median(ours) / median(base)
	rows := []row{{
		What:     "dev exec -- true",
		Measured: fmt.Sprintf("%.0f ms", median(ours)),
		Target:   "1.2 x kubectl exec",
		Baseline: fmt.Sprintf("kubectl exec: %.0f ms", median(base)),
		Ratio:    fmt.Sprintf("%.2f", ratio),
		Missed:   ratio > 1.2,
		Raw:      map[string]any{"ours": ours, "baseline": base},
	}}

	mine, raw := echo(t, dev, src, nhctl, "dev", "exec", "--",
		"cat"), echo(t, dev, src, append(kubectlExec(t, ns, "-it"), "cat")...)
	defer mine.end()
	defer raw.end()
	ours, base = nil, nil
	for range 100 {
		ours, base = append(ours, mine.key(t)), append(base, raw.key(t))
	}
	over := median(ours) - median(base)
	rows = append(rows, row{
		What:     "terminal echo of a key (p50 / p99)",
		Measured: fmt.Sprintf("%.1f / %.1f ms", median(ours), percentile(ours, 0.99)),
		Target:   "raw stream + 5 ms",
		Baseline: fmt.Sprintf("kubectl exec -it: %.1f / %.1f ms", median(base), percentile(base, 0.99)),
		Ratio:    fmt.Sprintf("%.2f (%+.1f ms)", median(ours)/median(base), over),
		Missed:   over > 5,
		Raw:      map[string]any{"ours": ours, "baseline": base},
	})

	// its ring is full then
	dev.must(src, "dev", "run", "--", "sh", "-c", "yes "+strings.Repeat("x", 99)+" | head -c 100000000")
	eventually(t, time.Minute, "100 MB were printed", func(context.Context) error {
		if c := dev.ran(src, "run"); c.State != "exited" {
			return fmt.Errorf("%+v", c)
		}
		return nil
	})
	status, err := dev.inPod(src, "cat", "/proc/1/status")
	if err != nil {
		t.Fatal(err)
	}
	rest, peak := resident(t, status)
	return append(rows, row{
		What:     "supervisor memory after 100 MB of output (now / peak)",
		Measured: fmt.Sprintf("%.1f / %.1f MB", rest, peak),
		Target:   "20 MB",
		Baseline: "-",
		Ratio:    "-",
		Missed:   rest > 20,
		Raw:      []float64{rest, peak},
	})
}

// echoing is a terminal whose program echoes keys.
type echoing struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func echo(t *testing.T, dev *developer, src string, argv ...string) *echoing {
	t.Helper()
	cmd := exec.Command("script", "-qefc", "exec '"+strings.Join(argv, "' '")+"'", "/dev/null")
	cmd.Dir, cmd.Env = src, dev.env
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	e := &echoing{cmd: cmd, in: in, out: bufio.NewReader(out)}
	time.Sleep(2 * time.Second) // until then, the local terminal may be the one that echoes
	e.key(t)
	return e
}

// key returns how long a key's echo takes, in milliseconds.
func (e *echoing) key(t *testing.T) float64 {
	t.Helper()
	begin := time.Now()
	if _, err := io.WriteString(e.in, "k"); err != nil {
		t.Fatal(err)
	}
	for {
		b, err := e.out.ReadByte()
		if err != nil {
			t.Fatal(err)
		}
		if b == 'k' {
			return float64(time.Since(begin).Microseconds()) / 1000
		}
	}
}

func (e *echoing) end() {
	_ = e.cmd.Process.Kill()
	_ = e.cmd.Wait()
}

// benchReload compares a save with hot reload, up to the new answer, with building and starting the same program by
// hand in the container.
func benchReload(t *testing.T) []row {
	_, dev, src := atShop(t)
	configure(t, src, "catalog", "dev-go", `
hotReload: true
command:
  build: go build -o /tmp/catalog .
  run: exec /tmp/catalog
portForward: [":8080"]`)
	// The answer is asked for again and again while the compiler works; the list of books would look for redis each
	// time.
	edit(t, filepath.Join(src, "main.go"), "w.WriteHeader(http.StatusOK)", "_, _ = w.Write([]byte(Greeting))")
	dev.must(src, "dev", "start", "--mode", "duplicate", "--no-terminal")
	defer dev.must(src, "dev", "end")
	dev.must(src, "dev", "run")
	serving(t, dev, src)
	url := fmt.Sprintf("http://127.0.0.1:%d/healthz", query[rpc.Session](dev, src, "dev", "status").Forwards[0].Local)
	var ours, base []float64
	greeting := "Welcome to the bookshop"
	for i := range 7 {
		next := fmt.Sprintf("Greeting number %d.", i)
		begin := time.Now()
		edit(t, filepath.Join(src, "main.go"), greeting, next)
		greeting = next
		for limit := time.Now().Add(time.Minute); ; {
			if body, err := httpGet(t.Context(), url); err == nil && strings.Contains(body, next) {
				break
			}
			if time.Now().After(limit) {
				t.Fatalf("%s did not come", next)
			}
			time.Sleep(40 * time.Millisecond) // each question takes its share of the compiler's cores
		}
		ours = append(ours, float64(time.Since(begin).Milliseconds()))
		base = append(base, milliseconds(t, dev, src, fmt.Sprintf(byHand, i)))
	}
	return []row{
		beyond("save to new answer, Go, hot reload", ours, "go build and start in the same container", base, 300),
	}
}

// byHand builds and starts a copy of the service with a changed line, and prints the milliseconds up to its answer.
const byHand = `rm -rf /tmp/hand && cp -r . /tmp/hand && cd /tmp/hand
sed -i 's/":8080"/":8081"/; s/^const Greeting = .*/const Greeting = "By hand %[1]d."/' main.go
begin=$(date +%%s%%N)
go build -o /tmp/hand.bin . || exit 1
/tmp/hand.bin >/dev/null 2>&1 & pid=$!
until curl -s http://127.0.0.1:8081/healthz | grep -q "By hand %[1]d."; do sleep 0.01; done
end=$(date +%%s%%N)
kill $pid
echo $(( (end - begin) / 1000000 ))`

// benchLocalRun measures how long `nhctl run` takes to its command's first instruction, with the gateway up: the
// command says what time it is then. The same command by itself is the baseline.
func benchLocalRun(t *testing.T) []row {
	dev := shared.developer(t, shop(t))
	dev.must("", "run", "--", "true") // starts daemon and gateway
	defer dev.must("", "disconnect", "--all")
	clock := []string{"date", "+%s%N"}
	first := func(argv ...string) float64 {
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Dir, cmd.Env = dev.home, dev.env
		begin := time.Now()
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %s, %v", argv, out, err)
		}
		nanoseconds, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return float64(time.Unix(0, nanoseconds).Sub(begin).Microseconds()) / 1000
	}
	nhctl := filepath.Join(os.Getenv("NHCTL_TEST_BIN"), "nhctl")
	var ours, base []float64
	for range 15 {
		ours = append(ours, first(append([]string{nhctl, "run", "--"}, clock...)...))
		base = append(base, first(clock...))
	}
	const target = 150
	return []row{{
		What:     "run, to the command's first instruction",
		Measured: fmt.Sprintf("%.0f ms", median(ours)),
		Target:   fmt.Sprintf("%d ms", target),
		Baseline: fmt.Sprintf("without nhctl: %.0f ms", median(base)),
		Ratio:    fmt.Sprintf("%.1f", median(ours)/median(base)),
		Missed:   median(ours) > target,
		Raw:      map[string]any{"ours": ours, "baseline": base},
	}}
}
