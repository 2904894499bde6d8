// Command release makes the files of a release of nhctl, of programs that are compiled already. It is a module of its
// own, so that what it needs never reaches nhctl.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"time"

	"github.com/nhctl/nhctl/hack/release/internal/license"
	"github.com/nhctl/nhctl/hack/release/internal/linked"
	"github.com/nhctl/nhctl/hack/release/internal/publish"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	tag, tags, root string
	epoch           int64
	platforms       []linked.Platform
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.StringVar(&o.root, "root", "", "the repository, with compiled programs in dist")
	flags.StringVar(&o.tag, "version", "", "version of the release, such as v0.1.0")
	flags.StringVar(&o.tags, "tags", "", "build tags of the programs")
	flags.Int64Var(&o.epoch, "epoch", 0, "time of all files, in seconds since 1970")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.root == "" || o.tag == "" || o.epoch <= 0 || flags.NArg() == 0 {
		return o, errors.New("usage: release -root DIR -version VERSION -epoch SECONDS -tags TAGS PLATFORMS")
	}
	for _, arg := range flags.Args() {
		p, err := linked.ParsePlatform(arg)
		if err != nil {
			return o, err
		}
		o.platforms = append(o.platforms, p)
	}
	return o, nil
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	dist := filepath.Join(o.root, "dist")
	r := publish.Release{
		Tag:       o.tag,
		Time:      time.Unix(o.epoch, 0).UTC(),
		Platforms: o.platforms,
		Binaries:  dist,
		Installed: filepath.Join(dist, "installed"),
		License:   filepath.Join(o.root, "LICENSE"),
		Installer: filepath.Join(o.root, "hack", "release", "install.sh"),
		Modules:   map[linked.Platform][]license.Licensed{},
	}
	// nhctl brings the sidecar of both architectures along, whatever it runs on itself.
	var sidecars []linked.Module
	for _, arch := range []string{"amd64", "arm64"} {
		modules, err := o.modules(ctx, "./sidecar", linked.Platform{OS: "linux", Arch: arch})
		if err != nil {
			return err
		}
		sidecars = linked.Union(sidecars, modules)
	}
	linkedBy, all := map[linked.Platform][]linked.Module{}, sidecars
	for _, p := range o.platforms {
		modules, err := o.modules(ctx, "./nhctl", p)
		if err != nil {
			return err
		}
		if err := linked.Check(r.Binary(p), modules); err != nil {
			return err
		}
		linkedBy[p] = linked.Union(sidecars, modules)
		all = linked.Union(all, modules)
	}
	finder, err := license.NewFinder()
	if err != nil {
		return err
	}
	if r.All, err = finder.Find(all); err != nil {
		return err
	}
	for p, modules := range linkedBy {
		for _, l := range r.All {
			if slices.ContainsFunc(modules, func(m linked.Module) bool { return m.Path == l.Path }) {
				r.Modules[p] = append(r.Modules[p], l)
			}
		}
	}
	return publish.Write(filepath.Join(dist, "release"), r)
}

func (o options) modules(ctx context.Context, pkg string, p linked.Platform) ([]linked.Module, error) {
	return linked.Modules(ctx, linked.Program{Dir: o.root, Package: pkg, Tags: o.tags, Platform: p})
}
