package config

import (
	"cmp"

	"go.yaml.in/yaml/v3"

	"github.com/nhctl/nhctl/nhctl/internal/config/node"
)

// The names that Nocalhost gives its containers, which its users' patches name.
const (
	theirSidecar = "nocalhost-sidecar"
	theirDev     = "nocalhost-dev"
)

func (d *decoder) patches(n *yaml.Node, c *Container) {
	list, nodes := made(d, n, "patch", c.Dev.Patches, func(p Patch) string { return p.Patch })
	for i := range list {
		written, p := node.At(nodes[i], "patch"), &list[i]
		var parsed any
		if err := yaml.Unmarshal([]byte(p.Patch), &parsed); err != nil {
			d.fail(written, "patches: the patch is neither YAML nor JSON")
			continue
		}
		if _, list := parsed.([]any); list != (p.Type == "json") {
			d.fail(written, "patches: a %s patch is %s", p.Type,
				map[bool]string{true: "a list of operations", false: "a mapping"}[p.Type == "json"])
		}
		if p.Type == "strategic" {
			d.theirContainers(written, p, parsed, cmp.Or(c.Dev.DevContainerName, c.Name))
		}
	}
	c.Dev.Patches = list
}

// theirContainers has a patch of Nocalhost's dev container change the one here, and leaves its sidecar out: there is
// none here, and a patch would add one.
func (d *decoder) theirContainers(n *yaml.Node, p *Patch, parsed any, dev string) {
	spec := parsed
	for _, key := range []string{"spec", "template", "spec"} {
		fields, _ := spec.(map[string]any)
		spec = fields[key]
	}
	pod, _ := spec.(map[string]any)
	containers, _ := pod["containers"].([]any)
	var kept []any
	changed := false
	for _, x := range containers {
		fields, _ := x.(map[string]any)
		switch {
		case fields["name"] == theirSidecar:
			d.warn(n, "patches: there is no container %s here; nhctl leaves out that part of the patch", theirSidecar)
			changed = true
			continue
		case fields["name"] == theirDev && dev != "" && dev != theirDev:
			fields["name"], changed = dev, true
		}
		kept = append(kept, x)
	}
	if !changed {
		return
	}
	if pod["containers"] = kept; len(kept) == 0 {
		delete(pod, "containers")
	}
	if text, err := yaml.Marshal(parsed); err == nil {
		p.Patch = string(text)
	}
}
