package edit

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const edited = `# yaml-language-server: $schema=x

name: web   # the workload

containers:
# the main one
- name: app
  dev:
    image: "golang:1"   # tools

    command:
      run: &run [go, run, .]
      debug: *run
    resources: {limits: {cpu: 1}}
    env:
    - {name: A, value: 'it''s'}
    sync:
      type: send
    shell:
    patches:
    - patch: |
        spec:
          paused: true

- name: side
`

func TestSet(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ path, value, from, to string }{
		"a plain value": {"name", "shop", "name: web   # the workload", "name: shop   # the workload"},
		"a quoted value": {"containers[0].dev.image", "golang:2", `image: "golang:1"   # tools`,
			"image: golang:2   # tools"},
		"an item by its name":    {"containers[side].name", "other", "- name: side\n", "- name: other\n"},
		"inside braces":          {"containers[app].dev.resources.limits.cpu", "2", "{cpu: 1}", "{cpu: 2}"},
		"a doubled quote":        {"containers[app].dev.env[A].value", "x", "'it''s'", "x"},
		"an empty value":         {"containers[0].dev.shell", "bash", "    shell:\n", "    shell: bash\n"},
		"a text that is no YAML": {"name", "[x", "name: web ", "name: '[x' "},
		"a text in quotes":       {"name", `"80"`, "name: web ", `name: "80" `},
		"a new key": {"containers[0].dev.sync.mode", "pattern", "      type: send\n",
			"      type: send\n      mode: pattern\n"},
		"a new mapping": {"containers[0].dev.debug.language", "go", "          paused: true\n",
			"          paused: true\n    debug:\n      language: go\n"},
		"a new key at last": {"containers[side].dev.hotReload", "true", "- name: side\n",
			"- name: side\n  dev:\n    hotReload: true\n"},
		"a new key at top": {"serviceType", "statefulset", "- name: side\n",
			"- name: side\nserviceType: statefulset\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Set(edited, tt.path, tt.value)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Replace(edited, tt.from, tt.to, 1), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSetRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, path, value, want string }{
		"an alias":            {edited, "containers[0].dev.command.debug[0]", "x", "shared through the alias *run"},
		"an anchor's text":    {edited, "containers[0].dev.command.run[0]", "x", "shared with other places"},
		"a block of text":     {edited, "containers[0].dev.patches[0].patch", "x", "several lines"},
		"a new key in braces": {edited, "containers[0].dev.resources.limits.memory", "1Gi", "written in {}"},
		"no such item":        {edited, "containers[none].dev", "x", "the list has no item none"},
		"a list as a mapping": {edited, "containers.dev", "x", "there is a list in place of a mapping with dev"},
		"a mapping as a list": {edited, "name[0]", "x", "in place of a list"},
		"no path":             {edited, "a b", "x", "is no path"},
		"a mapping":           {edited, "name", "a: b", "the value does not fit there"},
		"several lines":       {edited, "name", "a\nb: [", "several lines"},
		"an include": {"services:\n  ${_INCLUDE_:- ./a.yaml}\n  - name: b\n", "name", "x",
			"files that it includes"},
	} {
		if _, err := Set(tt.text, tt.path, tt.value); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
}
