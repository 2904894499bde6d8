package devsession

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/trust"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs/userdirstest"
)

// yesTo is the answer to one question.
func yesTo(asks trust.Request) problem.Answers {
	return problem.Answers{asks.Question().ID: problem.Yes}
}

// answered is a start with that answer.
func answered(asks trust.Request) rpc.Start {
	return rpc.Start{Target: rpc.Target{Answers: yesTo(asks)}}
}

// A yes counts once, an answer to the very question for good.
func TestTrusted(t *testing.T) {
	t.Parallel()
	k := &Kind{dirs: userdirstest.New(t)}
	asks := trust.Request{Origin: "a", Claims: []string{"takes port 80"}}
	other := trust.Request{Origin: "a", Claims: []string{"takes port 81"}}
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
		{"the answer to another question", answered(other), asks, false},
		{"the answer to this one", answered(asks), asks, true},
		{"it is remembered", rpc.Start{}, asks, true},
		{"and not of others", rpc.Start{}, other, false},
	} {
		err := k.trusted(step.call, step.asks)
		if (err == nil) != step.want {
			t.Errorf("%s: %v", step.name, err)
		}
		p := problem.From(err)
		if err != nil && (p.Code != problem.Untrusted || p.Question.ID != step.asks.Question().ID) {
			t.Errorf("%s: %+v", step.name, p)
		}
	}
}

// A config that changes while its session lives is asked about before a command takes it.
func TestStillTrusted(t *testing.T) {
	t.Parallel()
	s := &Session{dirs: userdirstest.New(t)}
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
		forward, answer string // the ports of a config that the user says yes to
		want            bool
	}{
		{forward: "8080:80", want: true},
		{forward: ":80", want: true},
		{forward: "22:80", want: false},
		{forward: "22:80", answer: "23:80", want: false},
		{forward: "22:80", answer: "22:80", want: true},
		{forward: "22:80", want: true}, // it is remembered
	} {
		var answers problem.Answers
		if tt.answer != "" {
			asked := read(tt.answer)
			answers = yesTo(trust.Of(asked, &asked.Services[0]))
		}
		file := read(tt.forward)
		err := s.stillTrusted(file, &file.Services[0], before, answers)
		if (err == nil) != tt.want || err != nil && problem.From(err).Question == nil {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}
