// Package hack holds the scripts that build, check and test this repository.
package hack

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// files returns the scripts, makefiles and programs of the repository, from its root.
func files(t *testing.T) []string {
	t.Helper()
	list := exec.Command("git", "ls-files", "-co", "--exclude-standard", "Makefile", ".ci", "*.sh", "*.go")
	list.Dir = ".."
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}

// hack/fuzz.sh looks for targets in the text of files. Text that only looks like one, in a string, fails it after
// minutes.
func TestFuzzTargetsAreFunctions(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("fuzz.sh")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`grep -lE '([^']+)'`).FindSubmatch(script)
	if m == nil {
		t.Fatal("fuzz.sh looks for no targets")
	}
	target := regexp.MustCompile("(?m)" + string(m[1]))
	found := 0
	for _, name := range files(t) {
		if !strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		lines := len(target.FindAll(text, -1))
		if lines == 0 {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		functions := 0
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && target.MatchString("func "+f.Name.Name) {
				functions++
			}
		}
		if lines != functions {
			t.Errorf("%s has %d fuzz targets and %d lines that look like one: put other text into testdata", name,
				functions, lines)
		}
		found += functions
	}
	if found == 0 {
		t.Error("there are no fuzz targets")
	}
}

// Steps that run at the same time must not install packages: the package manager has one lock.
func TestPackagesAreInstalledInOnePlace(t *testing.T) {
	t.Parallel()
	call := regexp.MustCompile(`apt-get[ "',]+(-\S+ )*"?(install|update)|\bapt install`)
	for _, name := range files(t) {
		if name == "hack/packages.sh" || strings.HasSuffix(name, "_test.go") ||
			strings.HasPrefix(name, "devimages/internal/image/dockerfile") {
			continue
		}
		text, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if found := call.Find(text); found != nil {
			t.Errorf("%s installs packages (%q): add them to hack/packages.sh", name, found)
		}
	}
}

// What a machine lacks is named, with the reason, to whoever may not install it.
func TestPackagesForOthersThanRoot(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("packages.sh")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(script), "PATH=$PATH:/usr/sbin:/sbin:/usr/lib/cni", "PATH=/nowhere", 1)
	text = strings.Replace(text, "$EUID != 0", "1 != 0", 1) // the test may be run by root
	text = strings.Replace(text, "qemu=/proc/sys", "qemu=/nowhere", 1)
	out, err := exec.Command("bash", "-c", text, "packages.sh", "images", "foreign", "playground",
		"unit").CombinedOutput()
	if err == nil {
		t.Errorf("packages.sh succeeds where everything is missing: %s", out)
	}
	for _, want := range []string{"needs root", "\n  mmdebstrap ", "\n  runc ", "starts containers", "\n  gcc ",
		"sudo apt-get install --no-install-recommends mmdebstrap qemu-user-static binfmt-support runc "} {
		if !strings.Contains(string(out), want) {
			t.Errorf("packages.sh does not say %q:\n%s", want, out)
		}
	}
	if strings.Contains(string(out), "npm") || strings.Contains(string(out), "uidmap") {
		t.Errorf("packages.sh wants what was not asked for:\n%s", out)
	}
}

// Another installation is named once and waited for, but not forever; any other failure is one at once.
func TestPackagesWaitForLock(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("packages.sh")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(script), "needs='", "needs='\nlacking /nowhere lacking is not there", 1)
	text = strings.Replace(text, "$EUID != 0", "0 != 0", 1)
	held := "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 12 (apt-get)"
	const waits = "waiting for process 12 (apt-get), which holds apt's lock\n"
	for name, tt := range map[string]struct {
		fails string // what apt-get says while it fails
		times int
		wants string
		ok    bool
	}{
		"free":             {ok: true},
		"held for a while": {fails: held, times: 3, wants: waits, ok: true},
		"held by someone":  {fails: "E: Could not get lock", times: 1, wants: "waiting for another program", ok: true},
		"held for hours":   {fails: held, times: 99, wants: waits},
		"another failure":  {fails: "E: no such package", times: 1, wants: "E: no such package"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// A pause is one of the clock alone, and a long one.
			fakes := `tries=0
sleep() { SECONDS=$((SECONDS + 500)); }
apt-get() { ((++tries > times)) || { echo "$fails"; return 100; }; }
`
			cmd := exec.Command("bash", "-c", fakes+text, "packages.sh", "lacking")
			cmd.Env = append(os.Environ(), "fails="+tt.fails, fmt.Sprint("times=", tt.times))
			out, err := cmd.CombinedOutput()
			if (err == nil) != tt.ok || strings.Count(string(out), "waiting for") > 1 ||
				!strings.Contains(string(out), tt.wants) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// A failed step fails, and the table has it.
func TestStep(t *testing.T) {
	t.Parallel()
	step, err := filepath.Abs("step.sh")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	run := func(args ...string) (string, error) {
		cmd := exec.Command(step, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run("greet", "echo", "hello"); err != nil || out != "hello\n" {
		t.Errorf("step: %q, %v", out, err)
	}
	if out, err := run("fail", "bash", "-c", "exit 3"); err == nil || err.Error() != "exit status 3" {
		t.Errorf("failing step: %q, %v", out, err)
	}
	out, err := run("--table")
	if err != nil || !regexp.MustCompile(`(?s)greet +0 s +\d+\.\d s.*fail +\d+ s.*all`).MatchString(out) {
		t.Errorf("table: %v\n%s", err, out)
	}
}

// The core set of the scenarios has no name that no scenario has: `go test -run` would leave it out and say nothing.
func TestCoreSet(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("test-kubernetes.sh")
	if err != nil {
		t.Fatal(err)
	}
	_, list, found := strings.Cut(string(script), "\ncore='\n")
	list, _, ended := strings.Cut(list, "\n'\n")
	scenarios, err := filepath.Glob("../nhctl/test/e2e/*_test.go")
	if !found || !ended || err != nil || len(scenarios) == 0 {
		t.Fatalf("no core set, or no scenarios: %v", err)
	}
	var code strings.Builder
	for _, name := range scenarios {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(text)
	}
	for line := range strings.Lines(list) {
		name := strings.Fields(line)[0]
		if !strings.Contains(code.String(), "\nfunc "+name+"(t *testing.T) {\n") {
			t.Errorf("%s is in the core set, and no scenario", name)
		}
	}
	_, list, _ = strings.Cut(string(script), "\nimages='")
	list, _, _ = strings.Cut(list, "'\n")
	made := strings.Fields(list)
	image := regexp.MustCompile(`image: ghcr\.io/nhctl/([\w-]+):`)
	manifests, err := filepath.Glob("../examples/bookshop/manifests/*.yaml")
	if err != nil || len(manifests) == 0 {
		t.Fatal(manifests, err)
	}
	for _, name := range manifests {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range image.FindAllStringSubmatch(string(text), -1) {
			if !slices.Contains(made, m[1]) {
				t.Errorf("%s wants the image %s, which is not made for the core set: %q", name, m[1], made)
			}
		}
	}
}

// Unit tests wait for conditions, or on the clock of a bubble, and never for time to pass.
func TestNoUnitTestSleeps(t *testing.T) {
	t.Parallel()
	own := regexp.MustCompile(`(?m)^//go:build .*\b(e2e|bench)\b`) // those wait for a real cluster
	for _, name := range files(t) {
		if !strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "examples/") || name == "hack/hack_test.go" {
			continue
		}
		text, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if own.Match(text) || strings.Contains(string(text), `"testing/synctest"`) {
			continue
		}
		if strings.Contains(string(text), "time.Sleep(") {
			t.Errorf("%s sleeps: wait for a condition, with a limit, or test in a bubble (testing/synctest)", name)
		}
	}
}

// Programs are built on macOS too, whose tools are BSD's and whose bash is 3.2, and on Windows by Git's bash.
func TestBuildsWithoutGNU(t *testing.T) {
	t.Parallel()
	only := regexp.MustCompile(`(?m)^[^#\n]*(` + strings.Join([]string{
		`\bsha256sum\b`, `-printf\b`, `\bxargs [^|]*-(r|d)\b`, `\bsort [^|]*-[a-z]*[zV]`, `\bstat -c`, `\breadlink -f`,
		`\bdate -d`, `\bsed -i`, `\bcp [^|]*--`, `\bmktemp( -d)?( |\)|$)[^"]`, `\bmapfile\b`, `\breadarray\b`,
		`\bdeclare -A`, `\bwait -n`, `\$\{\w+@`, `\$\{\w+(,,|\^\^)`, `\$EPOCH`, `\bexec \{\w+\}`, `\bnproc\b`, `&>>`,
	}, "|") + `)`)
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	head, _, found := strings.Cut(string(makefile), "\n.PHONY: check\n")
	_, cross, crossed := strings.Cut(string(makefile), "\n.PHONY: cross\n")
	cross, _, ended := strings.Cut(cross, "\n.PHONY: ")
	if !found || !crossed || !ended {
		t.Fatal("the Makefile has no targets build, check and cross in this order")
	}
	texts := map[string]string{"the Makefile's build": head, "the Makefile's cross": cross}
	for _, name := range []string{"flags.sh", "gobuild.sh", "prune.sh", "sidecars.sh", "step.sh"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(text)
	}
	for name, text := range texts {
		if line := only.FindString(text); line != "" {
			t.Errorf("%s does not work everywhere: %s", name, strings.TrimSpace(line))
		}
	}
	if bad := "take=$(cat x | sha256sum)"; !only.MatchString(bad) {
		t.Errorf("%q is not found", bad)
	}
}

// A cache keeps its newest files. A file that another build removes at the same moment, of which ls complains, is no
// failure.
func TestPrune(t *testing.T) {
	t.Parallel()
	cache, tools := t.TempDir(), t.TempDir()
	for i := range 6 {
		file := filepath.Join(cache, fmt.Sprint(i))
		used := time.Now().Add(-time.Duration(10-i) * time.Hour)
		if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Chtimes(file, used, used)); err != nil {
			t.Fatal(err)
		}
	}
	complaining := "#!/bin/sh\n/bin/ls \"$@\"\nexit 2\n"
	if err := os.WriteFile(filepath.Join(tools, "ls"), []byte(complaining), 0o700); err != nil {
		t.Fatal(err)
	}
	prune := exec.Command("./prune.sh", cache, "4")
	prune.Env = append(os.Environ(), "PATH="+tools+":"+os.Getenv("PATH"))
	if out, err := prune.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	left, err := os.ReadDir(cache)
	if err != nil || len(left) != 4 || left[0].Name() != "2" {
		t.Errorf("left: %v, %v", left, err)
	}
}

// A release that follows from more than the commit is found: from the folder, file permissions, the time zone, or what
// was compiled before.
func TestReleaseCheck(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("release-check.sh")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ release, says string }{
		"the same bytes": {"echo $(PLATFORMS) >dist/release/a", "are the same to the byte"},
		"permissions":    {"umask >dist/release/a", "differ"},
		"the folder":     {"pwd >dist/release/a", "differ"},
		"the time zone":  {"date +%Z >dist/release/a", "differ"},
		"a cache of go": {"echo x >>$$GOCACHE.used; cp $$GOCACHE.used dist/release/a",
			"are the same to the byte"},
		"a cache of programs": {"echo x >>$$NHCTL_CACHE.used; cp $$NHCTL_CACHE.used dist/release/a",
			"are the same to the byte"},
		"a change that is not committed": {"cat uncommitted >dist/release/a", "No such file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			makefile := "release:\n\t@mkdir -p dist/release; " + tt.release + "\n"
			if err := errors.Join(os.Mkdir(filepath.Join(dir, "hack"), 0o700),
				os.WriteFile(filepath.Join(dir, "hack/release-check.sh"), script, 0o700),
				os.WriteFile(filepath.Join(dir, "Makefile"), []byte(makefile), 0o600)); err != nil {
				t.Fatal(err)
			}
			sh := exec.Command("sh", "-ec", `git init -q; git add .
				git -c user.name=a -c user.email=a@example.com commit -qm a
				echo >uncommitted; exec hack/release-check.sh linux/amd64`)
			sh.Dir = dir
			sh.Env = append(os.Environ(), "MAKEFLAGS=")
			out, err := sh.CombinedOutput()
			if !strings.Contains(string(out), tt.says) || (err == nil) != strings.Contains(tt.says, "same") {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// The output of scenarios is shortened: without what says nothing, with what failed tests said, the slowest tests, and
// the runner's own last lines.
func TestQuiet(t *testing.T) {
	t.Parallel()
	var in strings.Builder
	in.WriteString("=== RUN   TestA\n=== PAUSE TestA\n    a_test.go:3: said\n" +
		"=== NAME  TestB0\n    b_test.go:4: else\n" +
		"=== NAME  TestA\n        at length\n--- FAIL: TestA (1.50s)\n    --- PASS: TestA/sub (120.00s)\n")
	for i := range 12 {
		fmt.Fprintf(&in, "--- PASS: TestB%d (%d.00s)\n", i, i)
	}
	in.WriteString("FAIL\nFAIL\texample.com/e2e\t130.0s\nFAIL\n")
	quiet := exec.Command("./quiet.sh")
	quiet.Stdin = strings.NewReader(in.String())
	out, err := quiet.Output()
	if err != nil {
		t.Fatal(err)
	}
	text := string(out)
	if strings.Contains(text, "===") || strings.Count(text, "a_test.go:3: said") != 2 ||
		!strings.Contains(text, "failed: TestA\n    a_test.go:3: said\n        at length\nthe slowest") ||
		!strings.Contains(text, "the slowest tests:\n    120.0 s  TestA/sub\n     11.0 s  TestB11\n") ||
		strings.Contains(text, " s  TestB2\n") ||
		!strings.HasSuffix(text, "\nFAIL\nFAIL\texample.com/e2e\t130.0s\nFAIL\n") {
		t.Errorf("got:\n%s", text)
	}
}
