// Command demo shows dev mode on the bookshop: `make demo` runs it on a playground. It only calls nhctl and kubectl, as
// a person would, and shows what it calls.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	namespace = "demo"
	service   = "catalog"
	greeting  = "Welcome to the bookshop"
)

func main() {
	playground := flag.String("playground", "default", "playground to show it on")
	dir := flag.String("dir", "", "folder to copy the service's sources to (default: nhctl-demo in your home folder)")
	down := flag.Bool("down", false, "end dev mode and remove the copied sources")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	d, err := newDemo(*playground, *dir)
	if err == nil && *down {
		err = d.down(ctx)
	} else if err == nil {
		err = d.up(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

type demo struct {
	bin, playground, sources string
	env                      []string
}

func newDemo(playground, dir string) (*demo, error) {
	bin, err := filepath.Abs("bin")
	if err != nil {
		return nil, err
	}
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, err
		}
		dir = filepath.Join(home, "nhctl-demo")
		if playground != "default" {
			dir += "-" + playground // demos on several playgrounds don't share their sources
		}
	}
	kubeconfig, err := filepath.Abs(filepath.Join(".playground", playground, "kubeconfig"))
	// kubectl keeps what it knows of a cluster by its address, which the next playground may have.
	cache := filepath.Join(filepath.Dir(kubeconfig), "cache")
	env := append(os.Environ(), "KUBECACHEDIR="+cache)
	// The node has the sidecar's image, which no registry has.
	if ref, err := os.ReadFile(filepath.Join(bin, "sidecar.ref")); err == nil {
		env = append(env, "NHCTL_SIDECAR_IMAGE="+strings.TrimSpace(string(ref)))
	}
	env = append(env, "KUBECONFIG="+kubeconfig)
	return &demo{bin: bin, playground: playground, sources: filepath.Join(dir, service), env: env}, err
}

// run shows and runs a program in the sources' folder.
func (d *demo) run(ctx context.Context, program string, args ...string) error {
	fmt.Printf("\n$ %s %s\n", program, strings.Join(args, " "))
	cmd := d.command(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", program, strings.Join(args, " "), err)
	}
	return nil
}

func (d *demo) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	name := filepath.Join(d.bin, program)
	if program == "kubectl" {
		name, args = filepath.Join(d.bin, "playground.d", "kube"), append([]string{"kubectl"}, args...)
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = d.env
	if _, err := os.Stat(d.sources); err == nil {
		cmd.Dir = d.sources
	}
	return cmd
}

func (d *demo) output(ctx context.Context, program string, args ...string) (string, error) {
	cmd := d.command(ctx, program, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, strings.TrimSpace(errs.String()))
	}
	return string(out), err
}

func (d *demo) up(ctx context.Context) error {
	if err := d.deploy(ctx); err != nil {
		return err
	}
	if err := d.copySources(); err != nil {
		return err
	}
	if err := d.run(ctx, "nhctl", "dev", "start", "-n", namespace, "--no-terminal"); err != nil {
		return err
	}
	if err := d.run(ctx, "nhctl", "dev", "run", "-n", namespace); err != nil {
		return err
	}
	fmt.Println("\nThe program builds and starts inside the cluster; its Service answers:")
	if err := d.answers(ctx, greeting); err != nil {
		return err
	}
	visible, answer, err := d.edit(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("\nsave to visible in the container:  %4d ms\nsave to new answer of the Service: %4d ms (build and "+
		"restart included)\n", visible.Milliseconds(), answer.Milliseconds())
	d.next()
	return nil
}

// deploy puts the service into a namespace of its own, without the rest of the bookshop, whose images would take longer
// than all the demo.
func (d *demo) deploy(ctx context.Context) error {
	if _, err := d.output(ctx, "kubectl", "get", "namespace", namespace); err != nil {
		if err := d.run(ctx, "kubectl", "create", "namespace", namespace); err != nil {
			return err
		}
	}
	manifests, err := filepath.Abs("examples/bookshop/manifests")
	if err != nil {
		return err
	}
	// A session of an earlier demo has the original parked: applying again would wake it.
	if out, err := d.output(ctx, "nhctl", "dev", "list", "-n", namespace); err != nil ||
		!strings.Contains(out, "deployment/"+service) {
		files := []string{"-f", filepath.Join(manifests, "settings.yaml"), "-f",
			filepath.Join(manifests, service+".yaml")}
		if err := d.run(ctx, "kubectl", append([]string{"-n", namespace, "apply"}, files...)...); err != nil {
			return err
		}
		return d.run(ctx, "kubectl", "-n", namespace, "rollout", "status", "deployment/"+service, "--timeout=120s")
	}
	return nil
}

// copySources gives the user a folder of their own to edit; one that is there already is kept as it is.
func (d *demo) copySources() error {
	if _, err := os.Stat(d.sources); err == nil {
		fmt.Printf("\nThe sources are in %s already.\n", d.sources)
		return nil
	}
	fmt.Printf("\nCopying the sources of %s to %s, where you may edit them.\n", service, d.sources)
	return os.CopyFS(d.sources, os.DirFS(filepath.Join("examples/bookshop", service)))
}

// edit changes the greeting as an editor would, restarts the program, and measures.
func (d *demo) edit(ctx context.Context) (visible, answer time.Duration, err error) {
	file := filepath.Join(d.sources, "main.go")
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, 0, err
	}
	words := fmt.Sprintf("Edited at %s", time.Now().Format("15:04:05"))
	begin := bytes.Index(text, []byte("const Greeting = "))
	if begin < 0 {
		return 0, 0, fmt.Errorf("%s has no Greeting any more", file)
	}
	end := begin + bytes.IndexByte(text[begin:], '\n')
	edited := string(text[:begin]) + "const Greeting = " + strconv.Quote(words) + string(text[end:])
	seen, err := d.watchInPod(ctx, words)
	if err != nil {
		return 0, 0, err
	}
	fmt.Printf("\nEditing %s: the greeting becomes %q.\n", file, words)
	if err := os.WriteFile(file, []byte(edited), 0o644); err != nil {
		return 0, 0, err
	}
	saved := time.Now()
	at, err := seen()
	if err != nil {
		return 0, 0, err
	}
	if err := d.run(ctx, "nhctl", "dev", "run", "-n", namespace); err != nil {
		return 0, 0, err
	}
	if err := d.answers(ctx, words); err != nil {
		return 0, 0, err
	}
	return at.Sub(saved), time.Since(saved), nil
}

// watchInPod starts a loop in the container that tells when a text is in main.go. Computer and playground share one
// clock.
func (d *demo) watchInPod(ctx context.Context, text string) (func() (time.Time, error), error) {
	script := `echo watching; for i in $(seq 20000); do if grep -q "` + text +
		`" main.go; then date +%s%N; exit; fi; done; exit 1`
	cmd := d.command(ctx, "nhctl", "dev", "exec", "-n", namespace, "--", "bash", "-c", script)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	var word string
	if _, err := fmt.Fscan(out, &word); err != nil {
		return nil, errors.Join(fmt.Errorf("watch the file in the container: %w", err), cmd.Wait())
	}
	return func() (time.Time, error) {
		var nanoseconds int64
		_, err := fmt.Fscan(out, &nanoseconds)
		return time.Unix(0, nanoseconds), errors.Join(err, cmd.Wait())
	}, nil
}

// answers waits until the Service answers with a text. The question goes through kubectl's proxy, to the Service's
// endpoint.
func (d *demo) answers(ctx context.Context, text string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	proxy := d.command(ctx, "kubectl", "proxy", "--port=0")
	out, err := proxy.StdoutPipe()
	if err != nil {
		return err
	}
	if err := proxy.Start(); err != nil {
		return err
	}
	defer func() { _ = proxy.Process.Kill(); _ = proxy.Wait() }()
	var address string
	if _, err := fmt.Fscanf(out, "Starting to serve on %s\n", &address); err != nil {
		return fmt.Errorf("kubectl proxy: %w", err)
	}
	url := "http://" + address + "/api/v1/namespaces/" + namespace + "/services/" + service + ":http/proxy/books"
	for {
		body := get(ctx, url)
		if strings.Contains(body, text) {
			fmt.Printf("  GET http://%s/books\n  %s\n", service, strings.TrimSpace(body))
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the Service did not answer %q in time; its last answer: %s; see nhctl dev logs", text,
				body)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func get(ctx context.Context, url string) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err.Error()
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return string(body)
}

func (d *demo) next() {
	kubeconfig := d.env[len(d.env)-1]
	fmt.Printf(`
Everything is left running. To go on by yourself:

  export %s PATH=%s:$PATH
  cd %s
  nhctl dev status -n %[4]s      # connection, sync, ports, program
  $EDITOR main.go               # a save is in the container at once
  nhctl dev run -n %[4]s         # build and start it again
  nhctl dev logs -f -n %[4]s
  nhctl dev terminal -n %[4]s    # a shell in the container
  nhctl dev end -n %[4]s         # restore the workload

and to remove every trace, these sources with your edits too: make demo-down
`, kubeconfig, d.bin, d.sources, namespace)
}
