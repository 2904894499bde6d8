// Package create is `nhctl config init`.
package create

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/clusters"
	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/scaffold"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// Options are the command's flags and arguments.
type Options struct {
	Workload, Container, Image, Run, Dir string
	Yes, Offline                         bool
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "init [WORKLOAD]",
		Short: "Write a first config for a folder of sources",
		Long: `Write .dev/config.yaml for a folder of sources. nhctl finds the language, the run command and the ports
in the folder. If it can reach a cluster, it finds the workload, its container and ports there, and also the language
and command where the folder doesn't show them. It asks for the rest, and fails for lack of it with --yes. It
replaces an existing config only after it has shown the changes and you agree.`,
		Example: `  nhctl config init
  nhctl config init deploy/web --image registry.example.com/dev/web:1 --yes`,
		Args:              factory.OneWorkload,
		ValidArgsFunction: f.CompleteWorkloads,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.Workload = args[0]
			}
			return run(cmd.Context(), f, o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Dir, "dir", ".", "folder of the sources")
	flags.StringVarP(&o.Container, "container", "c", "", "container of the workload")
	flags.StringVar(&o.Image, "image", "", "dev image")
	flags.StringVar(&o.Run, "run", "", "command that starts the service")
	flags.BoolVarP(&o.Yes, "yes", "y", false, "ask nothing, and replace a config that is there")
	flags.BoolVar(&o.Offline, "offline", false, "do not look at a cluster")
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	dir := f.Absolute(o.Dir)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return problem.New(problem.Usage, "--dir %s: there is no such folder", o.Dir)
	}
	guess, err := scaffold.LookAt(dir)
	if err != nil {
		return fmt.Errorf("look at the sources: %w", err)
	}
	var cluster []kube.Workload
	if !o.Offline {
		cluster = workloads(ctx, f)
	}
	a := asker{f: f, quiet: o.Yes || !ui.IsTerminal(f.Streams.In), in: bufio.NewReader(f.Streams.In)}
	s, err := settingsFor(&a, o, guess, cluster)
	if err != nil {
		return err
	}
	file := filepath.Join(dir, ".dev", "config.yaml")
	written, err := scaffold.Place(file, scaffold.Config(s),
		func(diff string) (bool, error) { return agree(&a, o, f.FileOut(), diff) })
	if err != nil {
		return err
	}
	if !written {
		fmt.Fprintf(f.Out(), "%s is left as it is\n", f.Relative(file))
		return nil
	}
	checked, err := f.Config(file, "")
	if err != nil {
		return err
	}
	if err := checked.Problem(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(f.Out(), "%s describes %s/%s (%s)\nnext: look it over, then run nhctl dev start\n",
		f.Relative(file), s.Kind, s.Name, language(guess))
	return err
}

func language(g scaffold.Guess) string {
	if g.Language == "" {
		return "its language was not recognised"
	}
	return g.Language
}

// reach is how long a cluster may take to answer before it is left out.
const reach = 2 * time.Second

func workloads(ctx context.Context, f *factory.Factory) []kube.Workload {
	c, err := clusters.Client(f)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, reach)
	defer cancel()
	all, err := c.Workloads(ctx)
	if err != nil {
		return nil
	}
	return all
}

// agree shows the changes to a config that is there, and asks.
func agree(a *asker, o *Options, out io.Writer, diff string) (bool, error) {
	fmt.Fprint(out, diff)
	if o.Yes {
		return true, nil
	}
	if a.quiet {
		return false, problem.New(problem.Refused, "there is a config already, and no terminal to ask at").
			WithHint("look at the changes above, and agree with --yes")
	}
	answer, err := a.ask("replace it? (y/N)", "n")
	return strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes"), err
}

// settingsFor finds out or asks what a config needs.
func settingsFor(a *asker, o *Options, g scaffold.Guess, cluster []kube.Workload) (scaffold.Settings, error) {
	s := scaffold.Settings{
		Kind:     "deployment",
		Name:     g.Name,
		Image:    o.Image,
		Run:      o.Run,
		Language: g.Language,
		Ports:    g.Ports,
		Schema:   config.SchemaURL,
	}
	w, err := choose(a, o, g, cluster)
	if err != nil {
		return s, err
	}
	if w != nil {
		s.Kind, s.Name = string(w.Kind), w.Name
		if err := container(a, o, w, &s, &g); err != nil {
			return s, err
		}
	} else if o.Workload != "" {
		ref, err := workload.ParseRef(o.Workload)
		if err != nil {
			return s, err
		}
		s.Kind, s.Name, s.Container = string(ref.Kind), ref.Name, o.Container
	} else if s.Name, err = a.need("name of the workload", s.Name,
		"name it: nhctl config init deploy/web"); err != nil {
		return s, err
	}
	if s.Image == "" {
		if s.Image, err = a.need("dev image (the tools to build and run the sources with)", g.Image.Ref,
			"name one with --image"); err != nil {
			return s, err
		}
		if s.Image == g.Image.Ref {
			s.About = scaffold.About(g.Image)
		}
	}
	if s.Run == "" {
		s.Build = g.Build
		s.Run, err = a.need("command that starts the service", g.Run, "name it with --run")
	}
	return s, err
}

// choose picks the folder's workload among those of the cluster; nil when there is none to pick.
func choose(a *asker, o *Options, g scaffold.Guess, cluster []kube.Workload) (*kube.Workload, error) {
	var names []string
	for i, w := range cluster {
		if ref, err := workload.ParseRef(o.Workload); err == nil && ref == w.Ref ||
			w.Name == cmp.Or(o.Workload, g.Name) {
			return &cluster[i], nil
		}
		names = append(names, w.Ref.String())
	}
	if o.Workload != "" || len(cluster) == 0 || a.quiet {
		return nil, nil
	}
	fmt.Fprintf(a.f.Err(), "the namespace has: %s\n", strings.Join(names, " "))
	answer, err := a.ask("which of them is this folder's?", "none")
	for i := range names {
		if answer == names[i] || answer == cluster[i].Name {
			return &cluster[i], err
		}
	}
	return nil, err
}

func container(a *asker, o *Options, w *kube.Workload, s *scaffold.Settings, g *scaffold.Guess) error {
	var names []string
	for _, c := range w.Containers {
		names = append(names, c.Name)
	}
	s.Container = names[0]
	if o.Container != "" {
		s.Container = o.Container
	} else if len(names) > 1 && !a.quiet {
		fmt.Fprintf(a.f.Err(), "its containers are: %s\n", strings.Join(names, " "))
		answer, err := a.ask("which of them do you develop?", names[0])
		if err != nil {
			return err
		}
		s.Container = answer
	}
	for _, c := range w.Containers {
		if c.Name != s.Container {
			continue
		}
		g.Learn(c.Image, slices.Concat(c.Command, c.Args))
		s.Language = g.Language
		if len(c.Ports) > 0 {
			s.Ports = nil
		}
		for _, p := range c.Ports {
			s.Ports = append(s.Ports, fmt.Sprint(p.ContainerPort))
		}
		return nil
	}
	return problem.New(problem.Usage, "%s has no container %q", w.Ref, s.Container).
		WithHint("its containers are: %s", strings.Join(names, ", "))
}

// asker asks a person, where there is one. The daemon, which asks whatever concerns a session, has no part in writing a
// config.
type asker struct {
	f     *factory.Factory
	quiet bool
	in    *bufio.Reader
}

// need returns what was found out, or asks for it.
func (a *asker) need(what, found, hint string) (string, error) {
	if found != "" || a.quiet {
		if found == "" {
			return "", problem.New(problem.Usage, "the %s could not be found out", what).WithHint("%s", hint)
		}
		return found, nil
	}
	answer, err := a.ask(what+":", "")
	if err == nil && answer == "" {
		err = problem.New(problem.Usage, "no %s given", what).WithHint("%s", hint)
	}
	return answer, err
}

func (a *asker) ask(question, otherwise string) (string, error) {
	if otherwise != "" {
		question += " [" + otherwise + "]"
	}
	fmt.Fprint(a.f.Err(), question+" ")
	answer, err := a.in.ReadString('\n')
	if answer = strings.TrimSpace(answer); answer == "" {
		answer = otherwise
	}
	if err == io.EOF {
		err = nil
	}
	return answer, err
}
