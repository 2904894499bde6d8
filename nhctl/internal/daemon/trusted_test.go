package daemon

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/trust"
)

// A yes counts once, an answer to the very question for good.
func TestTrusted(t *testing.T) {
	t.Parallel()
	d := &Daemon{paths: paths(t)}
	asks, other := trust.Request{Origin: "a", Claims: []string{"takes port 80"}}, trust.Request{Origin: "a", Claims: []string{"takes port 81"}}
	for _, step := range []struct {
		name string
		call rpc.Start
		asks trust.Request
		want bool
	}{
		{"nothing to ask", rpc.Start{}, trust.Request{}, true},
		{"not asked yet", rpc.Start{}, asks, false},
		{"yes to all", rpc.Start{Yes: true}, asks, true},
		{"that was for one start", rpc.Start{}, asks, false},
		{"the answer to another question", rpc.Start{Trust: other.Hash()}, asks, false},
		{"the answer to this one", rpc.Start{Trust: asks.Hash()}, asks, true},
		{"it is remembered", rpc.Start{}, asks, true},
		{"and not of others", rpc.Start{}, other, false},
	} {
		err := d.trusted(step.call, step.asks)
		if (err == nil) != step.want {
			t.Errorf("%s: %v", step.name, err)
		}
		if p := problem.From(err); err != nil && (p.Code != problem.Untrusted || p.Subject != step.asks.Hash()) {
			t.Errorf("%s: %+v", step.name, p)
		}
	}
}

// A config that changes while its session lives is asked about before a command takes it.
func TestStillTrusted(t *testing.T) {
	t.Parallel()
	s := &session{paths: paths(t)}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ".dev"), 0o700); err != nil {
		t.Fatal(err)
	}
	read := func(forward string) *config.File {
		t.Helper()
		text := "name: web\ncontainers: [{dev: {image: dev, portForward: [\"" + forward + "\"]}}]\n"
		if err := os.WriteFile(filepath.Join(dir, ".dev", "config.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := config.Load(dir, config.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	began := read("8080:80")
	before := trust.Of(began, &began.Services[0]).Hash()
	for _, tt := range []struct {
		forward string
		trusted bool
		want    bool
	}{{"8080:80", false, true}, {":80", false, true}, {"22:80", false, false}, {"22:80", true, true}} {
		file := read(tt.forward)
		if tt.trusted {
			if err := s.paths.Trust().Trust(trust.Of(file, &file.Services[0])); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.stillTrusted(file, &file.Services[0], before); (err == nil) != tt.want {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}
