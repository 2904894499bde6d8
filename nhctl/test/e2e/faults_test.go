//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// injected is one case of the matrix: a call of entering or leaving, and what happens there.
type injected struct {
	kind    string
	mode    rpc.Mode
	leaving bool
	at      int
	point   string
	fault   fault
}

func (c injected) String() string {
	what := "enter"
	if c.leaving {
		what = "leave"
	}
	return fmt.Sprintf("%s/%s/%s/%d %s/%s", c.kind, c.mode, what, c.at, c.point, c.fault)
}

// lane is a namespace with a workload, where one case runs after the other: each leaves it as it was.
type lane struct {
	ns, kubeconfig string
	proxy          *proxy
	before         snapshot
}

var lanePods = map[string]int{"deployment": 1, "replicaset": 2, "daemonset": 1, "statefulset": 2, "job": 1, "pod": 1}

func newLane(t *testing.T, kind string) *lane {
	t.Helper()
	l := &lane{ns: shared.namespace(t), proxy: newProxy(t)}
	shared.create(t, l.ns, []byte(kindManifests()[kind]))
	shared.settled(t, l.ns, lanePods[kind])
	l.kubeconfig = shared.user(t, l.ns, randomName("dev-"))
	l.before = shared.mustSnapshot(t, l.ns)
	return l
}

// computer is a new one of the lane's developer.
func (l *lane) computer(t *testing.T, kubeconfig string) *developer {
	t.Helper()
	return shared.developerWith(t, randomName("dev-"), kubeconfig)
}

func (c injected) start(dev *developer, src, limit string) []string {
	return []string{"dev", "start", c.kind + "/it", "--dir", src, "--image", "ghcr.io/nhctl/dev-go:v0.1.0", "--mode", string(c.mode), "--yes", "--no-terminal", "--timeout", limit}
}

// points runs without a fault, and returns the calls of entering and of leaving.
func points(t *testing.T, kind string, mode rpc.Mode) (enter, leave []string) {
	t.Helper()
	l := newLane(t, kind)
	dev := l.computer(t, l.proxy.kubeconfig(t, l.kubeconfig))
	src := filepath.Join(dev.home, "src")
	write(t, filepath.Join(src, "hello.txt"), "hello\n")
	c := injected{kind: kind, mode: mode}
	l.proxy.arm(-1, "", nil)
	dev.must(src, c.start(dev, src, "90s")...)
	enter, _ = l.proxy.disarm()
	l.proxy.arm(-1, "", nil)
	dev.must(src, "dev", "end", kind+"/it")
	leave, _ = l.proxy.disarm()
	shared.restored(t, l.ns, l.before)
	return enter, leave
}

// run has the fault happen, ends dev mode from another computer, and compares.
func (c injected) run(t *testing.T, l *lane) string {
	t.Helper()
	dev := l.computer(t, l.proxy.kubeconfig(t, l.kubeconfig))
	src := filepath.Join(dev.home, "src")
	write(t, filepath.Join(src, "hello.txt"), "hello\n")
	limit := "90s"
	if !c.leaving && (c.fault == hang || c.point == "dial the pod") {
		limit = "15s"
	}
	args := c.start(dev, src, limit)
	if c.leaving {
		dev.must(src, args...)
		args = []string{"dev", "end", c.kind + "/it", "--timeout", "10s"}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	dev.must("", "dev", "list") // starts the daemon
	daemon := dev.daemonPID()
	cmd := dev.command(ctx, src, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	started := make(chan struct{})
	l.proxy.arm(c.at, c.fault, func() {
		<-started
		switch c.fault {
		case killCLI:
			_ = cmd.Process.Kill()
		case hang: // entering has a limit, and leaving ends when its user is out of patience
			if c.leaving {
				_ = cmd.Process.Signal(syscall.SIGINT)
			}
		default:
			_ = syscall.Kill(daemon, syscall.SIGKILL)
		}
	})
	err := cmd.Start()
	close(started)
	if err == nil {
		err = cmd.Wait()
	}
	if _, hit := l.proxy.disarm(); !hit {
		t.Errorf("the fault was never reached: %v\n%s", err, out.String())
	}
	said := "goes on"
	if err != nil {
		said = "fails"
	}
	l.putBack(t, c)
	return said
}

// putBack ends whatever there is from a second computer, and compares with the snapshot. The first one's daemon, if it lives, is still at
// work on its own undos: both must come to the same end.
func (l *lane) putBack(t *testing.T, c injected) {
	t.Helper()
	second := l.computer(t, l.kubeconfig)
	for _, s := range query[[]rpc.Session](second, "", "dev", "list") {
		if r := second.nhctl("", "dev", "end", "--force", "--session", s.ID); r.code != 0 && !strings.Contains(r.stderr, "is not in dev mode") {
			t.Errorf("the end from a second computer: %s", r)
		}
	}
	if r := second.nhctl("", "dev", "end", "--force", c.kind+"/it"); r.code != 0 && !strings.Contains(r.stderr, "is not in dev mode") {
		t.Errorf("the end from a second computer: %s", r)
	}
	second.nhctl("", "daemon", "stop")
	shared.restored(t, l.ns, l.before)
}

// matrix lists the cases of a kind and a mode.
func matrix(kind string, mode rpc.Mode, enter, leave []string) []injected {
	var all []injected
	for _, f := range faults() {
		for at, name := range enter {
			all = append(all, injected{kind, mode, false, at, name, f})
		}
		for at, name := range leave {
			all = append(all, injected{kind, mode, true, at, name, f})
		}
	}
	return all
}

// TestFaults fails at and after every change that entering and leaving make. NHCTL_FAULTS=all runs the whole matrix and prints its table;
// otherwise it is every call of a Deployment that is replaced, and a sample of the rest (NHCTL_FAULTS_SEED repeats one).
func TestFaults(t *testing.T) {
	t.Parallel()
	whole := os.Getenv("NHCTL_FAULTS") == "all"
	if whole {
		shared.customResource(t, "argoproj.io", "v1alpha1", "rollouts", "Rollout")
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("NHCTL_FAULTS_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	t.Logf("NHCTL_FAULTS_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	kinds := []string{"deployment", "statefulset", "daemonset", "replicaset", "job", "cronjob", "pod"}
	if whole {
		kinds = append(kinds, rollouts)
	}
	table := &table{rows: map[string]string{}}
	t.Run("cases", func(t *testing.T) {
		for _, kind := range kinds {
			for _, mode := range []rpc.Mode{rpc.Replace, rpc.Duplicate} {
				full := whole || kind == "deployment" && mode == rpc.Replace
				if !full && random.IntN(len(kinds)) > 2 { // a few kinds are enough for one run
					continue
				}
				seed := random.Uint64()
				t.Run(kind+"/"+string(mode), func(t *testing.T) {
					t.Parallel()
					enter, leave := points(t, kind, mode)
					cases := matrix(kind, mode, enter, leave)
					rand.New(rand.NewPCG(seed, 1)).Shuffle(len(cases), func(i, j int) { cases[i], cases[j] = cases[j], cases[i] })
					if !whole {
						cases = sample(cases, full)
					}
					inLanes(t, kind, cases, table)
				})
			}
		}
	})
	if whole {
		table.print(t)
	}
}

// sample is what every run of the scenarios has time for: of a Deployment that is replaced each call with an error at it and after it, and
// a few of the rest; of the others two cases.
func sample(shuffled []injected, full bool) []injected {
	if !full {
		return shuffled[:min(2, len(shuffled))]
	}
	var always, rest []injected
	for _, c := range shuffled {
		switch c.fault {
		case failAt, failAfter:
			always = append(always, c)
		default:
			rest = append(rest, c)
		}
	}
	const others = 6
	return append(always, rest[:min(others, len(rest))]...)
}

// inLanes runs cases in a few namespaces at a time.
func inLanes(t *testing.T, kind string, cases []injected, table *table) {
	const most = 3
	lanes := min(most, (len(cases)+9)/10)
	for i := range lanes {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			l := newLane(t, kind)
			for n := i; n < len(cases); n += lanes {
				if !t.Run(cases[n].String(), func(t *testing.T) { table.add(cases[n], cases[n].run(t, l)) }) {
					table.add(cases[n], "FAILED")
					l = newLane(t, kind)
				}
			}
		})
	}
}

// table collects what was seen.
type table struct {
	mu   sync.Mutex
	rows map[string]string
}

func (b *table) add(c injected, what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows[strings.Join(strings.SplitN(c.String(), "/", 5), " | ")] = what
}

func (b *table) print(t *testing.T) {
	var text strings.Builder
	text.WriteString("| kind | mode | phase | call | fault | the command | restored from a second computer |\n|---|---|---|---|---|---|---|\n")
	for _, key := range slices.Sorted(maps.Keys(b.rows)) {
		restored := "yes"
		if b.rows[key] == "FAILED" {
			restored = "**no**"
		}
		fmt.Fprintf(&text, "| %s | %s | %s |\n", key, b.rows[key], restored)
	}
	fmt.Println(text.String())
	if file := os.Getenv("NHCTL_FAULTS_OUT"); file != "" {
		write(t, file, text.String())
	}
}
