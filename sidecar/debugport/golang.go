package debugport

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Go replaces this process by the go command, which does what it is told but for the programs that it builds: they are
// compiled for a debugger, with a file more that has them start again under delve. It only returns when that fails.
func Go(args []string) error {
	dir := os.Getenv(envDir)
	folders := slices.DeleteFunc(filepath.SplitList(os.Getenv("PATH")),
		func(p string) bool { return p == filepath.Join(dir, "bin") })
	g := goCommand{dir: dir}
	for _, f := range folders {
		if info, err := os.Stat(filepath.Join(f, "go")); err == nil && info.Mode().IsRegular() &&
			info.Mode()&0o111 != 0 {
			g.path = filepath.Join(f, "go")
			break
		}
	}
	if g.path == "" {
		return fmt.Errorf("%w: go is in none of %s", exec.ErrNotFound, strings.Join(folders, ":"))
	}
	args, err := g.debuggable(args)
	if err != nil {
		return err
	}
	return syscall.Exec(g.path, append([]string{"go"}, args...), os.Environ())
}

// goCommand is the real go command; dir has the hooks, and sources is where it works, empty for this process' folder.
type goCommand struct{ path, dir, sources string }

// debuggable has a command that builds programs build them for delve.
func (g goCommand) debuggable(args []string) ([]string, error) {
	b, ok := buildOf(args)
	if !ok {
		return args, nil
	}
	programs := g.programs(b)
	if len(programs) == 0 {
		return args, nil
	}
	const extra = "nhctl_debug.go"
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for _, folder := range programs {
		overlay.Replace[filepath.Join(folder, extra)] = filepath.Join(g.dir, "reexec.go")
	}
	text, err := json.Marshal(overlay)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(g.dir, fmt.Sprintf("overlay-%d.json", os.Getpid()))
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return nil, err
	}
	if first := b.packages[0]; strings.HasSuffix(first, ".go") { // files are named one by one
		b.packages = append(b.packages, filepath.Join(filepath.Dir(first), extra))
	}
	flags := append(b.linked(), "-gcflags=all=-N -l", "-overlay="+file)
	if args[0] == "run" { // which leaves out of the program, though not of its packages, what a debugger needs
		flags = append(flags, "-gcflags=-N -l -dwarf=true")
	}
	return slices.Concat(args[:1], flags, b.packages, b.args), nil
}

// goBuild is what a go command builds, and the arguments of the program.
type goBuild struct{ flags, packages, args []string }

// valued are the flags of go build that take their value as a word of its own.
var valued = [...]string{"-C", "-asmflags", "-buildmode", "-exec", "-gcflags", "-ldflags", "-mod", "-modfile", "-o",
	"-overlay", "-p", "-pgo",
	"-tags", "-toolexec"}

// buildOf reads `go run`, `go build` and `go install`.
func buildOf(words []string) (b goBuild, ok bool) {
	if len(words) == 0 || !slices.Contains([]string{"run", "build", "install"}, words[0]) {
		return b, false
	}
	running := words[0] == "run"
	for words = words[1:]; len(words) > 0 && strings.HasPrefix(words[0], "-"); {
		n := 1
		if slices.Contains(valued[:], words[0]) && len(words) > 1 {
			n = 2
		}
		b.flags, words = append(b.flags, words[:n]...), words[n:]
	}
	n := len(words)
	if running {
		n = min(1, n)
		for n < len(words) && strings.HasSuffix(words[n-1], ".go") && strings.HasSuffix(words[n], ".go") {
			n++
		}
	}
	b.packages, b.args = slices.Clip(words[:n]), words[n:]
	if n == 0 {
		b.packages = []string{"."}
	}
	return b, true
}

// linked are the flags with a linker that leaves in what a debugger needs: `go run` strips programs, and so do people.
// Delve starts earlier where it has not to decompress that.
func (b goBuild) linked() []string {
	const kept = "-s=false -w=false -compressdwarf=false"
	var flags []string
	ldflags := ""
	for i := 0; i < len(b.flags); i++ {
		name, value, cut := strings.Cut(b.flags[i], "=")
		if strings.TrimLeft(name, "-") != "ldflags" {
			flags = append(flags, b.flags[i])
			continue
		}
		if !cut && i+1 < len(b.flags) {
			i++
			value = b.flags[i]
		}
		ldflags = value + " "
	}
	return append(flags, "-ldflags="+ldflags+kept)
}

// programs are the folders of the programs among what is built, none where the go command can't tell.
func (g goCommand) programs(b goBuild) []string {
	var flags []string
	for i := 0; i < len(b.flags); i++ { // go list knows all but the output's
		name, _, cut := strings.Cut(b.flags[i], "=")
		switch strings.TrimLeft(name, "-") {
		case "overlay":
			return nil
		case "o", "exec":
			if !cut {
				i++
			}
		default:
			flags = append(flags, b.flags[i])
		}
	}
	list := exec.Command(g.path,
		slices.Concat([]string{"list"}, flags, []string{"-f", `{{if eq .Name "main"}}{{.Dir}}{{end}}`}, b.packages)...)
	list.Dir = g.sources
	text, err := list.Output()
	if err != nil {
		return nil // the build says why
	}
	var folders []string
	for line := range bytes.Lines(text) {
		if folder := strings.TrimSpace(string(line)); folder != "" {
			folders = append(folders, folder)
		}
	}
	return folders
}

// Delve replaces this process by a program under delve. It only returns when that fails.
func Delve(argv []string) error {
	if len(argv) == 0 {
		return errors.New("no program to run")
	}
	host, err := netip.ParseAddr(os.Getenv(envHost))
	if err != nil {
		return err
	}
	dlv, err := exec.LookPath("dlv")
	if err != nil {
		return fmt.Errorf(
			"%w; the dev-go image has it, and `go install github.com/go-delve/delve/cmd/dlv@latest` installs it", err)
	}
	endLeft(argv[0])
	words := []string{"dlv", "exec", "--headless", "--listen=" + netip.AddrPortFrom(host, 0).String(),
		"--api-version=2", "--accept-multiclient"}
	if os.Getenv(envWait) != "1" {
		words = append(words, "--continue")
	}
	return syscall.Exec(dlv, slices.Concat(words, argv[:1], []string{"--"}, argv[1:]), os.Environ())
}

// endLeft ends what is left of a program whose reloader killed its delve, or the shell that delve runs in: it has the
// ports that the next one wants. A process that was killed may take a while to end, on a busy computer.
func endLeft(program string) {
	const limit, lookAgain = 5 * time.Second, 10 * time.Millisecond
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(lookAgain) {
		pids := left("/proc", program)
		if len(pids) == 0 {
			return
		}
		for _, pid := range pids {
			kill(pid)
		}
	}
}

// left lists the processes of a program that the container's first process has adopted, by a mounted procfs; with those
// of its delve, where that is the one adopted.
func left(proc, program string) []int {
	const first = 1
	var pids []int
	links, _ := filepath.Glob(filepath.Join(proc, "[0-9]*", "exe"))
	for _, link := range links {
		to, err := os.Readlink(link)
		if err != nil || strings.TrimSuffix(to, " (deleted)") != program {
			continue
		}
		dir := filepath.Dir(link)
		parent := statusOf(dir, "PPid")
		switch {
		case parent == first:
			pids = append(pids, pidOf(dir))
		case statusOf(dir, "TracerPid") != 0:
			delve := filepath.Join(proc, strconv.Itoa(parent))
			if statusOf(delve, "PPid") == first {
				pids = append(pids, parent, pidOf(dir))
			}
		}
	}
	return pids
}

// statusOf is a number in the status of a process, or 0.
func statusOf(dir, field string) int {
	text, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); name == field {
			number, _ := strconv.Atoi(strings.TrimSpace(value))
			return number
		}
	}
	return 0
}
