package dap

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/dap/daptest"
	"github.com/nhctl/nhctl/nhctl/internal/debugger"
)

// language is a program in a language, whose function work stands at another line in each version, and what is needed
// to run it under its real debugger.
type language struct {
	name, file string
	// text has the version twice: as blank lines, and as the value of the variable version.
	text       string
	build, run string
	// marker is where work returns, and function how the debugger calls work.
	marker, function string
	// needs is a command that fails where this computer lacks the language or its debugger.
	needs string
	// taken is why another client is refused: only delve takes several.
	taken string
	// hasty says that a connection which comes while the debugger starts can keep it from waiting.
	hasty bool
}

func languages() []language {
	return []language{{
		name:     debugger.Python,
		file:     "main.py",
		text:     inPython,
		run:      "exec python3 main.py",
		marker:   "return i",
		function: "work",
		needs:    "python3 -c 'import debugpy'",
		taken:    "is already being debugged",
	}, {
		name:     debugger.Ruby,
		file:     "main.rb",
		text:     inRuby,
		run:      "exec ruby main.rb",
		marker:   "i * version",
		function: "Object#work",
		needs:    `ruby -e 'require "debug/version"; exit DEBUGGER__::VERSION >= "1.7"'`,
		taken:    "it may have a client",
		hasty:    true,
	}, {
		name:     debugger.CPP,
		file:     "main.cpp",
		text:     inCPP,
		build:    "g++ -g -o ../program main.cpp",
		run:      "exec ../program",
		marker:   "return i",
		function: "::work(int)",
		needs:    "command -v g++ && ls /usr/bin/lldb-dap* /usr/bin/lldb-vscode* | grep .",
		taken:    "it may have a client",
	}}
}

const (
	inPython = `import time
%[1]sdef work(i):
    version = %[2]d
    return i * version


i = 0
while True:
    i += 1
    print("work", work(i), flush=True)
    time.sleep(0.02)
`
	inRuby = `$stdout.sync = true
%[1]sdef work(i)
  version = %[2]d
  i * version
end

(1..).each do |i|
  puts "work #{work(i)}"
  sleep 0.02
end
`
	inCPP = `#include <cstdio>
#include <unistd.h>
%[1]sstatic int work(int i) {
  int version = %[2]d;
  return i * version;
}

int main() {
  for (int i = 1;; i++) {
    printf("work %%d\n", work(i));
    fflush(stdout);
    usleep(20000);
  }
}
`
)

// version is the program's text in a version, and the line where work returns.
func (l language) version(n int) (text string, line int) {
	text = fmt.Sprintf(l.text, strings.Repeat("\n", n), n)
	before, _, _ := strings.Cut(text, l.marker)
	return text, strings.Count(before, "\n") + 1
}

// An editor's session with each language's real debugger.
func TestDebuggers(t *testing.T) {
	t.Parallel()
	for _, l := range languages() {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			if out, err := exec.Command("sh", "-c", l.needs).CombinedOutput(); err != nil {
				t.Skipf("this computer lacks its debugger: %s %v", out, err)
			}
			t.Run("reload", func(t *testing.T) { t.Parallel(); l.reload(t) })
			t.Run("leave", func(t *testing.T) { t.Parallel(); l.leave(t) })
			if !l.hasty {
				t.Run("wait", func(t *testing.T) { t.Parallel(); l.wait(t) })
			}
			t.Run("end", func(t *testing.T) { t.Parallel(); l.end(t) })
		})
	}
}

// breakpoint is where work returns, in a version.
func (l language) breakpoint(n int, condition string) daptest.Breakpoint {
	_, line := l.version(n)
	return daptest.Breakpoint{Line: line, Condition: condition}
}

// stands waits until the program of a version stands at the breakpoint.
func (l language) stands(t *testing.T, e *editor, w *workshop, n int) daptest.Stop {
	t.Helper()
	_, line := l.version(n)
	got := e.Stopped()
	want := daptest.Stop{
		Thread:   got.Thread,
		Frame:    got.Frame,
		Function: l.function,
		File:     w.local + "/" + l.file,
		Line:     line,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("version %d (-want +got):\n%s", n, diff)
	}
	if value := e.Value(got, "version"); value != fmt.Sprint(n) {
		t.Errorf("the version is %s, want %d", value, n)
	}
	return got
}

// reload: a save, a lost connection and a new pod keep the session and its breakpoints.
func (l language) reload(t *testing.T) {
	w := newWorkshop(t, l)
	e := edit(t, Options{Backend: w})
	file := w.local + "/" + l.file
	e.Begin("launch", "", file, l.breakpoint(1, "i > 2"))
	e.Continue(l.stands(t, e, w, 1))
	l.stands(t, e, w, 1)
	w.write(2)
	e.Break(file, l.breakpoint(2, "i > 2"))
	w.again()
	e.Prints("joined the program that was built again")
	e.Continue(l.stands(t, e, w, 2))
	at := l.stands(t, e, w, 2)
	e.Break(file) // Ruby's debugger breaks where it reports a stop to a client that it loses
	e.Continue(at)
	w.cut()
	e.Break(file, l.breakpoint(2, "i > 2"))
	e.Prints("joined the program again")
	e.Continue(l.stands(t, e, w, 2))
	w.stop()
	w.again()
	e.Prints("joined the program that was built again")
	l.stands(t, e, w, 2)
}

// leave: whoever disconnects leaves the program running, also for the next client, and terminate stops it.
func (l language) leave(t *testing.T) {
	w := newWorkshop(t, l)
	file := w.local + "/" + l.file
	first := edit(t, Options{Backend: w})
	first.Begin("launch", "", file, l.breakpoint(1, ""))
	l.stands(t, first, w, 1)
	if err := first.leaves(""); err != nil {
		t.Error(err)
	}
	w.goesOn()
	next := edit(t, Options{Backend: w})
	next.Begin("attach", "", file, l.breakpoint(1, ""))
	next.Continue(l.stands(t, next, w, 1))
	third := edit(t, Options{Backend: w})
	third.Initialize()
	third.Refused("attach", "", l.taken)
	l.stands(t, next, w, 1)
	next.Ask("terminate", "")
	next.Event("terminated")
	w.awaitEnd()
}

// wait: the program does not begin before the breakpoints are set, nor does the next one.
func (l language) wait(t *testing.T) {
	w := newWorkshop(t, l)
	e := edit(t, Options{Backend: w})
	e.Begin("launch", `{"wait":true}`, w.local+"/"+l.file, l.breakpoint(1, "i == 1"))
	l.stands(t, e, w, 1)
	if err := w.start(true); err != nil {
		t.Fatal(err)
	}
	e.Prints("joined the program that was built again")
	l.stands(t, e, w, 1)
}

// end: the session ends with the program.
func (l language) end(t *testing.T) {
	w := newWorkshop(t, l)
	e := edit(t, Options{Backend: w})
	e.Begin("launch", "", w.local+"/"+l.file)
	w.goesOn()
	w.stop()
	e.Event("terminated")
}
