package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/config/source"
)

// said is a finding without its message: FILE:LINE:COLUMN CODE, a suggestion, and the line of a related place.
func said(x source.Finding) string {
	text := fmt.Sprintf("%s:%d:%d %s", filepath.Base(x.File), x.Line, x.Column, x.Code)
	if x.Suggestion != "" {
		text += " " + x.Suggestion
	}
	if x.Related.File != "" {
		text += fmt.Sprintf(" (%s:%d)", filepath.Base(x.Related.File), x.Related.Line)
	}
	return text
}

// What findings say to programs.
func TestFindings(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		files files
		want  []string
	}{
		"an unknown field": {
			files{mainFile: "name: a\nservicetype: job\n"},
			[]string{"config.yaml:2:1 unknown-field serviceType"},
		},
		"one like no other": {files{mainFile: "name: a\nqqqqqq: 1\n"}, []string{"config.yaml:2:1 unknown-field"}},
		"a wrong place":     {files{mainFile: "name: a\nshell: sh\n"}, []string{"config.yaml:2:1 misplaced-field"}},
		"without effect": {
			files{mainFile: "name: a\npriorityClass: x\n"},
			[]string{"config.yaml:2:1 unused-field"},
		},
		"local ports without traffic": {
			files{mainFile: "name: a\nlocal: {ports: [80]}\n"},
			[]string{"config.yaml:2:16 bad-value"},
		},
		"a local service without traffic": {
			files{mainFile: "name: a\nlocal: {service: web, traffic: none}\n"},
			[]string{"config.yaml:2:18 bad-value"},
		},
		"local conditions without a mesh": {
			files{mainFile: "name: a\nlocal: {traffic: exchange, conditions: {path: /a}}\n"},
			[]string{"config.yaml:2:40 bad-value"},
		},
		"local traffic like no other": {
			files{mainFile: "name: a\nlocal: {traffic: meshed}\n"},
			[]string{"config.yaml:2:18 not-one-of"},
		},
		"local conditions": {
			files{mainFile: "name: a\nlocal:\n  traffic: mesh\n  conditions:\n    header: [a=b, c]\n" +
				"    baggage: \"x y=z\"\n    path: ~(\n    method: GET\n"},
			[]string{"config.yaml:5:19 bad-value", "config.yaml:6:14 bad-value", "config.yaml:7:11 bad-value"},
		},
		"local ports": {
			files{mainFile: "name: a\nlocal: {traffic: mesh, ports: [\"80:x\", 3000, \"3000:81\"]}\n"},
			[]string{"config.yaml:2:32 bad-value", "config.yaml:2:46 twice (config.yaml:2)"},
		},
		"local variables": {
			files{mainFile: "name: a\nlocal: {env: [{name: a=b}, {value: c}]}\n"},
			[]string{"config.yaml:2:15 bad-value", "config.yaml:2:28 missing-field name"},
		},
		"local names": {
			files{mainFile: "name: a\nlocal: {traffic: mesh, container: A_B, service: 1/2, dir: /x}\n"},
			[]string{"config.yaml:2:35 bad-value", "config.yaml:2:49 bad-value", "config.yaml:2:59 bad-value"},
		},
		"a wrong type": {
			files{mainFile: "name: [a]\n"},
			[]string{"config.yaml:1:1 missing-field name", "config.yaml:1:7 wrong-type"},
		},
		"a wrong kind": {
			files{mainFile: "name: a\nserviceType: jobb\n"},
			[]string{"config.yaml:2:14 not-one-of job"},
		},
		"a wrong mode": {
			files{mainFile: "name: a\ncontainers: [{dev: {mode: x}}]\n"},
			[]string{"config.yaml:2:27 not-one-of"},
		},
		"a bad value": {
			files{mainFile: "name: a\ncontainers: [{dev: {workDir: x}}]\n"},
			[]string{"config.yaml:2:30 bad-value"},
		},
		"a key twice": {
			files{mainFile: "name: a\nname: b\n"},
			[]string{"config.yaml:2:1 twice (config.yaml:1)"},
		},
		"a service twice": {
			files{mainFile: "- name: a\n- name: a\n"},
			[]string{"config.yaml:2:9 twice (config.yaml:1)"},
		},
		"a port twice": {
			files{mainFile: "name: a\ncontainers:\n- dev:\n    portForward:\n    - 80:1\n    - 80:2\n"},
			[]string{"config.yaml:6:7 twice (config.yaml:5)"},
		},
		"a variable":          {files{mainFile: "name: a$NONE\n"}, []string{"config.yaml:1:8 variable $$NONE"}},
		"a variable in {}":    {files{mainFile: "name: a${NONE}\n"}, []string{"config.yaml:1:8 variable ${NONE:-}"}},
		"a typographic quote": {files{mainFile: "name: ‘a\n"}, []string{"config.yaml:1:7 pasted-text '"}},
		"the first format":    {files{mainFile: "svcConfigs: []\n"}, []string{"config.yaml:1:1 older-format"}},
		"no file": {
			files{mainFile: "name: a\nx-a: ${_INCLUDE_:- ./b}\n"},
			[]string{"config.yaml:2:6 unreadable-file"},
		},
		"of another file": {
			files{mainFile: "name: a\ncontainers: [{name: b, dev: {image: {x: y}}}]\n",
				"/w/.dev/local.yaml": "containers:\n- dev: {image: {z: 1}}\n"},
			[]string{"local.yaml:2:16 wrong-type"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := tt.files.load(Options{})
			var got []string
			for _, x := range append(f.Findings, f.Unused...) {
				got = append(got, said(x))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A file that the reader may not open is no mistake of the config, and one that is not there is.
func TestUnreadFiles(t *testing.T) {
	t.Parallel()
	text := "name: a\nx-a: ${_INCLUDE_:- ./secret}\n" +
		"containers: [{dev: {envFrom: {envFile: [{path: secret}, {path: none}]}}}]\n"
	f := Check(mainFile, []byte(text), Options{Read: func(path string) ([]byte, error) {
		if filepath.Base(path) == "secret" {
			return nil, fmt.Errorf("open it: %w", source.ErrUnread)
		}
		return nil, fs.ErrNotExist
	}})
	var got []string
	for _, x := range f.Findings {
		got = append(got, x.Severity+" "+said(x))
	}
	want := []string{"warning config.yaml:2:6 unreadable-file", "warning config.yaml:3:41 unreadable-file",
		"error config.yaml:3:57 unreadable-file"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	none := func(string) ([]byte, error) { return nil, fs.ErrNotExist }
	if _, err := Read(mainFile, Options{Read: none}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
