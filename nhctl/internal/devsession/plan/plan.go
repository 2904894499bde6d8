// Package plan makes of a call to start dev mode, and of the config, what there is to do. It changes nothing, neither
// here nor in the cluster.
package plan

import (
	"path/filepath"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/localsync"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/trust"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/filesync"
)

// Plan is what there is to do.
type Plan struct {
	// Spec is for the cluster. Its folder and image stay empty where neither the call nor the config names one.
	Spec devmode.Spec
	// State is for this computer.
	State State
	// Asks is what the config asks of this computer; State.Trusted is its hash.
	Asks trust.Request
	// Notices are what there is to tell of the config.
	Notices []string
}

// State is what a computer keeps of what the config said when the session began.
type State struct {
	Settings filesync.Settings `json:"settings"`
	// More are the settings of the record's other folders.
	More []filesync.Settings `json:"more,omitempty"`
	// Config is the file that Dev comes from, with Profile laid over it; empty without one.
	Config  string `json:"config,omitempty"`
	Profile string `json:"profile,omitempty"`
	// Variables are the names of the caller's variables that are in Dev.
	Variables []string `json:"variables,omitempty"`
	// Trusted is the hash of what the config asked of this computer at the start, and the user agreed to.
	Trusted string     `json:"trusted,omitempty"`
	Section Section    `json:"section"`
	Dev     config.Dev `json:"dev"`
	// Extra are the other containers in dev mode, as the record has them.
	Extra    []Container    `json:"extra,omitempty"`
	Forwards []rpc.PortPair `json:"forwards,omitempty"`
}

// reading is a plan in the making.
type reading struct {
	Plan
	call rpc.Start
	root string // the folder of the sources
}

// Read makes a plan of a call.
func Read(call rpc.Start, cluster Shared) (Plan, error) {
	r := &reading{call: call, Plan: Plan{State: State{Profile: call.Profile}}}
	target := call.Target
	if call.Folder != "" {
		if !filepath.IsAbs(call.Folder) {
			r.call.Folder = filepath.Join(call.Caller.Dir, call.Folder)
		}
		target.Caller.Dir = r.call.Folder
	}
	ref, file, err := Named(target, call.Profile)
	if err != nil {
		return r.Plan, err
	}
	if err := r.checkFolder(); err != nil {
		return r.Plan, err
	}
	service, file, err := describe(ref, file, call.Profile, cluster)
	if err != nil {
		return r.Plan, err
	}
	err = r.read(ref, service, file, cluster)
	return r.Plan, err
}

// checkFolder refuses a folder that no pod should see, whatever the cluster says.
func (r *reading) checkFolder() error {
	if r.call.Folder == "" {
		return nil
	}
	_, err := localsync.CheckRoot(r.call.Folder, r.call.Caller.Env["HOME"])
	if err != nil && problem.From(err).Code == problem.Refused {
		return err
	}
	return nil
}

// read takes what the service's config says; service and file are nil where no config describes the workload.
func (r *reading) read(ref workload.Ref, service *config.Service, file *config.File, cluster Shared) error {
	call := r.call
	r.readOrigin(service, file)
	entry, folder, podTemplate := config.Default(call.Container), call.Folder, ""
	there := func() ([]corev1.Container, error) { return cluster.Containers(ref, podTemplate) }
	var depend devmode.Depend
	var err error
	if service != nil {
		podTemplate, depend = service.PodTemplate, devmode.Depend(service.DependLabelSelector)
		if entry, r.State.Section, err = section(service, call.Container, there); err != nil {
			return err
		}
		folder = first(folder, file.Folder)
	}
	if folder != "" {
		if r.root, err = localsync.CheckRoot(folder, call.Caller.Env["HOME"]); err != nil {
			return whereFrom(err, folder, entry.Dev.GitURL)
		}
	}
	dev := entry.Dev
	if call.Image != "" {
		dev.Image = call.Image
	}
	dev, said, err := chosen(dev, r.root, file != nil)
	if err != nil {
		return err
	}
	if r.Spec, err = specify(call, dev, ref.Kind); err != nil {
		return err
	}
	r.Spec.Workload, r.Spec.Folder, r.Spec.PodTemplate, r.Spec.Depend = ref, r.root, podTemplate, depend
	r.Spec.Container, r.State.Dev = first(call.Container, entry.Name), dev
	if err := r.addFolders(dev); err != nil {
		return err
	}
	if r.State.Forwards, err = forwards(dev); err != nil {
		return err
	}
	r.Notices = slices.Concat(file.Notices(), said, otherOrigin(r.root, dev.GitURL))
	return r.addExtra(service, there)
}

// readOrigin notes where the config is from, and what it asks of this computer.
func (r *reading) readOrigin(service *config.Service, file *config.File) {
	if file != nil && !file.Shared() {
		r.State.Config = file.Path
		r.State.Variables = slices.DeleteFunc(slices.Clone(file.Variables), func(name string) bool {
			_, set := r.call.Caller.Env[name]
			return !set
		})
	}
	r.Asks = trust.Of(file, service)
	r.State.Trusted = r.Asks.Hash()
}

// addFolders adds what the first container syncs.
func (r *reading) addFolders(dev config.Dev) error {
	folders, settings, err := planSync(r.call.Caller.Env, r.root, dev)
	if err != nil || len(folders) == 0 {
		return err
	}
	r.Spec.Folder, r.Spec.More = folders[0].Local, folders[1:]
	r.State.Settings, r.State.More = settings[0], settings[1:]
	if folders[0].Remote != dev.WorkDir {
		r.Spec.MountPath = folders[0].Remote
	}
	return nil
}
