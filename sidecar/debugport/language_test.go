package debugport

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// named makes a debugger that listens with a port as its name.
func named(host netip.Addr, port uint16, started uint64, argv ...string) target {
	return target{address: netip.AddrPortFrom(host, port), started: started, argv: argv}
}

func TestRank(t *testing.T) {
	t.Parallel()
	h := hostsOf(5005, 0)
	daemon := []string{"java", "org.gradle.launcher.daemon.bootstrap.GradleDaemon"}
	for name, tt := range map[string]struct {
		language string
		all      []target
		want     []uint16
	}{
		"none": {"node", nil, nil},
		"a reloader's newest child": {"python",
			[]target{named(h.program, 1, 10), named(h.program, 2, 30), named(h.program, 3, 20)}, []uint16{2, 3, 1}},
		"an unknown age is the oldest": {"go",
			[]target{named(h.program, 1, 0), named(h.program, 2, 5)}, []uint16{2, 1}},
		"programs before tools, whose workers are last": {"node", []target{named(h.tool, 1, 10), named(h.tool, 2, 40),
			named(h.program, 3, 20), named(h.program, 4, 30)}, []uint16{4, 3, 1, 2}},
		"no JVM of a build tool": {"java",
			[]target{named(h.program, 1, 90, daemon...), named(h.program, 2, 80, "java", "Main")}, []uint16{2}},
		"build tools alone": {"java", []target{named(h.program, 1, 90, daemon...)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []uint16
			before := slices.Clone(tt.all)
			for _, target := range languages()[tt.language].rank(tt.all) {
				got = append(got, target.address.Port())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if !reflect.DeepEqual(before, tt.all) {
				t.Error("the list itself is changed")
			}
		})
	}
}

// A command may set the path of Python's modules itself.
func TestKept(t *testing.T) {
	t.Parallel()
	for before, after := range map[string]string{
		"PYTHONPATH=src uvicorn main:app":         "PYTHONPATH=DIR:src uvicorn main:app",
		`cd api && PYTHONPATH="." python main.py`: `cd api && PYTHONPATH=DIR:"." python main.py`,
		"python main.py":                          "python main.py",
	} {
		if diff := cmp.Diff([]string{"sh", "-c", after}, kept([]string{"sh", "-c", before}, "DIR")); diff != "" {
			t.Error(diff)
		}
	}
}

// Each language's processes get what makes them open their debuggers, before what the service sets itself.
func TestPrepare(t *testing.T) {
	for name, value := range map[string]string{"NODE_OPTIONS": "--no-warnings", "PYTHONPATH": "/app/lib",
		"JAVA_TOOL_OPTIONS": "-Xmx1g", "PATH": "/usr/bin"} {
		t.Setenv(name, value)
	}
	for language, want := range map[string]string{
		"node":   "NODE_OPTIONS=--inspect-publish-uid=http --require DIR/hook.cjs --no-warnings",
		"python": "PYTHONPATH=DIR:/app/lib",
		"java": "JAVA_TOOL_OPTIONS=-agentlib:jdwp=transport=dt_socket,server=y,quiet=y,suspend=y," +
			"address=127.19.141.1:0 -Ddebug=false -Xmx1g",
		"go": "PATH=DIR/bin:/usr/bin",
	} {
		dir := t.TempDir()
		s := &server{language: languages()[language], hosts: hostsOf(5005, 0), wait: true}
		env, err := s.prepare(dir)
		if err != nil {
			t.Fatal(err)
		}
		last := map[string]string{}
		for _, e := range env {
			key, value, _ := strings.Cut(e, "=")
			last[key] = strings.ReplaceAll(value, dir, "DIR")
		}
		key, value, _ := strings.Cut(want, "=")
		if diff := cmp.Diff([]string{value, "127.19.141.1", "127.19.141.2", "1"},
			[]string{last[key], last[envHost], last[envTool], last[envWait]}); diff != "" {
			t.Errorf("%s: %s", language, diff)
		}
	}
}
