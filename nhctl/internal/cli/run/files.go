package run

import (
	"fmt"
	"path"
	"path/filepath"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/gatewaylink"
	"github.com/nhctl/nhctl/nhctl/internal/podfiles"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// allFiles is --no-files without a path.
const allFiles = "/"

// files are the workload's that the command gets; nil for none.
func files(f *factory.Factory, o *Options, link *gatewaylink.Link) *podfiles.Options {
	if o.Tunnel.Workload == "" || o.withoutFiles("/") {
		return nil
	}
	env := f.Env()
	computer := podfiles.Computer{Home: env["HOME"], Dir: o.Dir, Path: filepath.SplitList(env["PATH"])}
	return &podfiles.Options{
		Watch: link.Files,
		Refuse: func(at string) (reason string, skip bool) {
			return computer.Refuse(at), o.withoutFiles(at)
		},
		Notice: func(text string) { fmt.Fprintln(f.Err(), text) },
	}
}

// withoutFiles says whether the user wants nothing at a path.
func (o *Options) withoutFiles(at string) bool {
	for _, p := range o.NoFiles {
		if contract.Within(at, path.Clean(p)) {
			return true
		}
	}
	return false
}
