package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

func goarch() string { return runtime.GOARCH }

// Status writes a table of the parts and whether each does its work, and returns an error when the playground is not
// healthy.
func Status(ctx context.Context, p *Plan, out io.Writer) error {
	words, _ := states(ctx, p)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PART\tPID\tSINCE\tSTATE")
	for i, part := range parts {
		if pr, err := loadProcess(p, part); err == nil {
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\n", part, pr.PID, pr.Since.Format(time.DateTime), words[i])
		} else {
			fmt.Fprintf(w, "%s\t-\t-\t%s\n", part, words[i])
		}
	}
	w.Flush()
	fmt.Fprintf(out, "\nKubernetes %s, node %s, pods %s, Services %s\nexport KUBECONFIG=%s\n", p.Kubernetes, p.NodeIP(),
		p.Pods, p.Services, p.Kubeconfig)
	if err := healthy(ctx, p); err != nil {
		return fmt.Errorf("playground %s is not healthy: %w", p.Name, err)
	}
	return nil
}

// Part does one of stop, start, pause or resume to one part, for tests of what happens then.
func Part(ctx context.Context, p *Plan, verb, part string) error {
	if !slices.Contains(parts[:], part) {
		return fmt.Errorf("no part is called %q; the parts are %s", part, strings.Join(parts[:], ", "))
	}
	if verb == "start" {
		return startPart(p, part, argv(p, part)...)
	}
	if verb == "stop" {
		return stopPart(ctx, p, part)
	}
	pr, err := loadProcess(p, part)
	if err != nil || !pr.alive() {
		return fmt.Errorf("%s does not run", part)
	}
	signal := syscall.SIGSTOP
	if verb == "resume" {
		signal = syscall.SIGCONT
	}
	return syscall.Kill(pr.PID, signal)
}

// Kubectl runs kubectl as the administrator, with this process's streams.
func Kubectl(ctx context.Context, p *Plan, args []string) error {
	cmd := kubectlCommand(ctx, p, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}

// Log writes a part's log.
func Log(p *Plan, part string, out io.Writer) error {
	f, err := os.Open(logPath(p, part))
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(out, f)
	return err
}

// User gives a user the Roles of a manifest in one namespace, and returns a kubeconfig for them.
func User(ctx context.Context, p *Plan, user, namespace, manifest string) ([]byte, error) {
	a, err := loadAuthority(p)
	if err != nil {
		return nil, err
	}
	applied, err := kubectl(ctx, p, "", "-n", namespace, "apply", "-f", manifest, "-o", "json")
	if err != nil {
		return nil, err
	}
	bindings, err := roleBindings(applied, user, namespace)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", manifest, err)
	}
	if _, err := kubectl(ctx, p, bindings, "apply", "-f", "-"); err != nil {
		return nil, err
	}
	id, err := a.issue(user, nil, nil, nil)
	if err != nil {
		return nil, err
	}
	return a.kubeconfig(p, user, namespace, id)
}

// roleBindings binds each Role of what kubectl applied to a user.
func roleBindings(applied, user, namespace string) (string, error) {
	type object struct {
		Kind     string
		Metadata struct{ Name string }
		Items    []json.RawMessage
	}
	var top object
	if err := json.Unmarshal([]byte(applied), &top); err != nil {
		return "", err
	}
	objects := []object{top}
	for _, raw := range top.Items {
		var o object
		if err := json.Unmarshal(raw, &o); err != nil {
			return "", err
		}
		objects = append(objects, o)
	}
	text := ""
	for _, o := range objects {
		if o.Kind != "Role" {
			continue
		}
		data, err := json.Marshal(map[string]any{
			"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
			"metadata": map[string]any{"name": o.Metadata.Name + "-" + user, "namespace": namespace},
			"subjects": []any{map[string]any{"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}},
			"roleRef": map[string]any{"kind": "Role", "name": o.Metadata.Name,
				"apiGroup": "rbac.authorization.k8s.io"},
		})
		if err != nil {
			return "", err
		}
		text += string(data) + "\n---\n"
	}
	if text == "" {
		return "", errors.New("it holds no Role")
	}
	return text, nil
}
