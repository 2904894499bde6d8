//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// injected is one case of the matrix: a call of entering or leaving, and what happens there.
type injected struct {
	kind    string
	mode    rpc.Mode
	leaving bool
	point   string
	// early says that the point comes before the twin's pod does.
	early bool
	fault fault
}

func (c injected) String() string {
	what := "enter"
	if c.leaving {
		what = "leave"
	}
	return fmt.Sprintf("%s/%s/%s/%s/%s", c.kind, c.mode, what, c.point, c.fault)
}

// lane is a namespace with a workload, where one case runs after the other: each leaves it as it was.
type lane struct {
	ns, kubeconfig string
	proxy          *proxy
	// second is another computer of the same developer, which ends what the first has left.
	second *developer
	before snapshot
}

// apart is a Deployment two of whose pods can't run at once: the original stops before the twin comes, and comes back
// after it.
const apart = "deployment-apart"

// workload is the one of a lane, as commands name it.
func (c injected) workload() string { return strings.TrimSuffix(c.kind, "-apart") + "/it" }

func laneManifest(kind string) string {
	if kind == apart {
		return shapes()["apart"].manifest()
	}
	return kindManifests()[kind]
}

var lanePods = map[string]int{"deployment": 1, apart: 1, "replicaset": 2, "daemonset": 1, "statefulset": 2, "job": 1,
	"pod": 1}

func newLane(t *testing.T, kind string) *lane {
	t.Helper()
	l := &lane{ns: shared.namespace(t), proxy: newProxy(t)}
	shared.create(t, l.ns, []byte(laneManifest(kind)))
	shared.settled(t, l.ns, lanePods[kind])
	l.kubeconfig = shared.user(t, l.ns, randomName("dev-"))
	l.second = l.computer(t, l.kubeconfig)
	l.before = shared.mustSnapshot(t, l.ns)
	return l
}

// computer is a new one of the lane's developer.
func (l *lane) computer(t *testing.T, kubeconfig string) *developer {
	t.Helper()
	return shared.developerWith(t, randomName("dev-"), kubeconfig)
}

func (c injected) start(dev *developer, src, limit string) []string {
	return []string{"dev", "start", c.workload(), "--dir", src, "--image", "ghcr.io/nhctl/dev-go:v0.1.0", "--mode",
		string(c.mode), "--yes", "--no-terminal", "--timeout", limit}
}

// points runs without a fault, and returns the calls of entering and of leaving.
func points(t *testing.T, kind string, mode rpc.Mode) (enter, leave []string) {
	t.Helper()
	l := newLane(t, kind)
	dev := l.computer(t, l.proxy.kubeconfig(t, l.kubeconfig))
	src := filepath.Join(dev.home, "src")
	write(t, filepath.Join(src, "hello.txt"), "hello\n")
	c := injected{kind: kind, mode: mode}
	l.proxy.arm("", "", nil)
	dev.must(src, c.start(dev, src, "90s")...)
	enter, _ = l.proxy.disarm()
	l.proxy.arm("", "", nil)
	dev.must(src, "dev", "end", c.workload())
	leave, _ = l.proxy.disarm()
	// a carrier that falls with its pod is dialled again, or not
	leave = slices.DeleteFunc(leave, func(name string) bool { return name == dial })
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
	switch {
	case c.leaving || c.fault != hang:
	case c.early:
		limit = "5s"
	default:
		limit = "15s"
	}
	args := c.start(dev, src, limit)
	if c.leaving {
		dev.must(src, args...)
		args = []string{"dev", "end", c.workload(), "--timeout", "10s"}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	dev.must("", "dev", "list") // starts the daemon
	daemon := dev.daemonPID()
	cmd := dev.command(ctx, src, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	started := make(chan struct{})
	const enough = 3
	var dials atomic.Int32
	l.proxy.arm(c.point, c.fault, func() {
		<-started
		switch c.fault {
		case killCLI:
			_ = cmd.Process.Kill()
		case killAt, killAfter:
			_ = syscall.Kill(daemon, syscall.SIGKILL)
		case hang: // entering has a limit, and leaving ends when its user is out of patience
			if c.leaving {
				_ = cmd.Process.Signal(syscall.SIGINT)
			}
		default: // as a dial does that fails again and again
			if c.point == dial && dials.Add(1) == enough {
				_ = cmd.Process.Signal(syscall.SIGINT)
			}
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

// putBack ends whatever there is from a second computer, and compares with the snapshot. The first one's daemon, if it
// lives, is still at work on its own undos: both must come to the same end.
func (l *lane) putBack(t *testing.T, c injected) {
	t.Helper()
	second := l.second
	second.t = t
	for _, s := range query[[]rpc.Session](second, "", "dev", "list") {
		if r := second.nhctl("", "dev", "end", "--force", "--session", s.ID); r.code != 0 &&
			!strings.Contains(r.stderr, "is not in dev mode") {
			t.Errorf("the end from a second computer: %s", r)
		}
	}
	if r := second.nhctl("", "dev", "end", "--force", c.workload()); r.code != 0 &&
		!strings.Contains(r.stderr, "is not in dev mode") {
		t.Errorf("the end from a second computer: %s", r)
	}
	shared.restored(t, l.ns, l.before)
}

// matrix lists the cases of a kind and a mode.
func matrix(kind string, mode rpc.Mode, enter, leave []string) []injected {
	var all []injected
	for _, f := range faults() {
		for i, name := range enter {
			all = append(all, injected{kind, mode, false, name, i < slices.Index(enter, dial), f})
		}
		for _, name := range leave {
			all = append(all, injected{kind, mode, true, name, false, f})
		}
	}
	return all
}

// suite is a kind and a mode, with the cases that run of it.
type suite struct {
	kind  string
	mode  rpc.Mode
	cases []injected
}

// TestFaults fails at and after every change that entering and leaving make. NHCTL_FAULTS=all runs the whole matrix and
// prints its table (NHCTL_FAULTS_KINDS chooses from it); otherwise it is every call of a Deployment that is replaced,
// and a sample of the rest (NHCTL_FAULTS_SEED repeats one).
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
	suites := suites(whole, random)
	atOnce(t, suites, func(s *suite) string { return s.kind + "/" + string(s.mode) }, func(t *testing.T, s *suite) {
		enter, leave := points(t, s.kind, s.mode)
		s.cases = matrix(s.kind, s.mode, enter, leave)
	})
	var lots []*suite
	for _, s := range suites {
		random.Shuffle(len(s.cases), func(i, j int) { s.cases[i], s.cases[j] = s.cases[j], s.cases[i] })
		if !whole {
			s.cases = sample(s.cases, s.full())
		}
		for lot := range slices.Chunk(s.cases, lotSize) {
			lots = append(lots, &suite{s.kind, s.mode, lot})
		}
	}
	table := &table{rows: map[string]string{}}
	atOnce(t, lots, func(*suite) string { return "cases" }, func(t *testing.T, s *suite) { s.run(t, table) })
	if whole {
		table.print(t)
	}
}

// suites are those of a run: all, or a Deployment that is replaced and one or two others.
func suites(whole bool, random *rand.Rand) (chosen []*suite) {
	kinds := []string{"deployment", apart, "statefulset", "daemonset", "replicaset", "job", "cronjob", "pod"}
	if whole {
		kinds = append(kinds, rollouts)
	}
	only := os.Getenv("NHCTL_FAULTS_KINDS")
	for _, kind := range kinds {
		for _, mode := range []rpc.Mode{rpc.Replace, rpc.Duplicate} {
			s := &suite{kind: kind, mode: mode}
			if only != "" && !slices.Contains(strings.Fields(only), kind) || kind == apart && mode == rpc.Duplicate {
				continue
			}
			if whole || s.full() || random.IntN(len(kinds)) == 0 {
				chosen = append(chosen, s)
			}
		}
	}
	return chosen
}

func (s *suite) full() bool { return s.kind == "deployment" && s.mode == rpc.Replace }

// lotSize is how many cases one namespace has one after the other; lanes how many namespaces there are at once.
const (
	lotSize = 9
	lanes   = 4
)

// atOnce runs parts as sub-tests, a few at a time. Sub-tests that are parallel by Go's own means would queue behind all
// other scenarios.
func atOnce(t *testing.T, parts []*suite, name func(*suite) string, do func(*testing.T, *suite)) {
	var running errgroup.Group
	running.SetLimit(lanes)
	for _, part := range parts {
		running.Go(func() error {
			t.Run(name(part), func(t *testing.T) { do(t, part) })
			return nil
		})
	}
	_ = running.Wait()
}

// run has the cases one after the other in one namespace; one that fails leaves it to its mess.
func (s *suite) run(t *testing.T, table *table) {
	l := newLane(t, s.kind)
	for _, c := range s.cases {
		if !t.Run(c.String(), func(t *testing.T) { table.add(c, c.run(t, l)) }) {
			table.add(c, "FAILED")
			l = newLane(t, s.kind)
		}
	}
}

// sample is what every run of the scenarios has time for: of a Deployment that is replaced each call with an error at
// it and after it, and a few of the rest; of the others two cases.
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
