package lsp

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/lsp/protocol"
)

func labels(c protocol.Completions) (all []string) {
	for _, item := range c.Items {
		all = append(all, item.Label)
	}
	return all
}

// What is offered first at a place, and what is not.
func TestCompletion(t *testing.T) {
	t.Parallel()
	const head = "name: web\ncontainers:\n- name: app\n  dev:\n"
	type test struct{ text, first, no string }
	disk := map[string]string{
		".dev/common.yaml": "", ".dev/dev.env": "IMAGE=x\nexport TAG=1\n", "prod.env": "", "src/main.go": "",
	}
	eachIn(t, disk, map[string]test{
		"an empty file":        {"‸", "name configProperties application services", "priorityClass"},
		"the next key":         {"name: web\n‸", "configProperties serviceType podTemplate", "name services"},
		"half a key":           {"name: web\ncont‸", "configProperties serviceType", "name"},
		"a key of a container": {"name: web\ncontainers:\n- name: app\n  ‸", "hub dev", "name install"},
		"behind a dash":        {"containers:\n- ‸\n  dev: {}\n", "name hub", "dev"},
		"a key of dev":         {head + "    ‸\n", "gitUrl image imagePullPolicy", "useDevContainer"},
		"what is there already": {
			head + "    image: x\n    ‸\n    shell: y\n",
			"gitUrl imagePullPolicy workDir",
			"image shell",
		},
		"required first": {
			head + "    persistentVolumeDirs:\n    - capacity: 1Gi\n      ‸\n",
			"path waitForFirstConsumer",
			"capacity",
		},
		"a list":               {head + "    env:\n    ‸\n", "- name: gitUrl image", "env"},
		"a list further in":    {head + "    env:\n      ‸\n", "- name:", "gitUrl"},
		"a list of text":       {head + "    portForward:\n      ‸\n", "-", ""},
		"an enumeration":       {head + "    mode: ‸\n", "replace duplicate", ""},
		"its default first":    {head + "    imagePullPolicy: ‸\n", "IfNotPresent Always Never", ""},
		"half a value":         {head + "    mode: rep‸\n", "replace duplicate", ""},
		"a truth value":        {head + "    hotReload: ‸\n", "false true", ""},
		"a kind":               {"serviceType: ‸\n", "deployment statefulset", ""},
		"a default":            {head + "    workDir: ‸\n", "/home/nocalhost-dev", ""},
		"an example":           {head + "    resources:\n      limits:\n        cpu: ‸\n", "500m", ""},
		"a list's next item":   {"containers:\n- name: a\n‸", "name configProperties", "containers"},
		"an item further in":   {"containers:\n  - name: a\n  ‸", "- name:", "name dev"},
		"a service of a list":  {"- name: a\n‸", "- name:", "name configProperties"},
		"sync as a mapping":    {head + "    sync:\n      ‸\n", "type mode deleteProtection", ""},
		"sync as a list":       {head + "    sync:\n    - ‸\n", "type mode deleteProtection", ""},
		"a command":            {head + "    command:\n      ‸\n", "build run debug", ""},
		"a command's mapping":  {head + "    command:\n      run:\n        ‸\n", "argv", ""},
		"text of a block":      {head + "    command:\n      run: |\n        ‸\n", "", ""},
		"in brackets":          {"name: web\ncontainers: [{name: app, dev: {‸}}]\n", "gitUrl image", ""},
		"a value in brackets":  {"name: web\ncontainers: [{dev: {mode: ‸}}]\n", "replace duplicate", ""},
		"in open brackets":     {"name: web\ncontainers: [{dev: {mode: replace, ‸\n", "gitUrl image", "mode"},
		"a profile's fields":   {"name: web\nprofiles:\n  slim:\n    ‸\n", "name serviceType", "configProperties"},
		"a profile's name":     {"- name: a\n  profiles: {slim: {}}\n- name: b\n  profiles:\n    ‸\n", "slim", ""},
		"services":             {"services:\n- name: a\n  ‸\n", "serviceType podTemplate", "name"},
		"an application":       {"application:\n  ‸\n", "name services", "manifestType"},
		"settings of the file": {"configProperties:\n  ‸\n", "kind version envFile", ""},
		"containers used": {
			"name: web\ncontainers:\n- name: app\nprofiles:\n  x:\n    containers:\n    - name: ‸\n",
			"app",
			"",
		},
		"images used": {
			"name: web\ncontainers:\n- dev: {image: golang}\n- dev:\n    image: ‸\n",
			"auto golang",
			"",
		},
		"ports used": {
			"name: web\ncontainers:\n- dev: {portForward: [8080:80]}\n- dev:\n    portForward:\n    - ‸\n",
			":80",
			"",
		},
		"an env file": {
			head + "    envFrom:\n      envFile:\n      - path: ‸\n",
			"common.yaml dev.env ../",
			"config.yaml",
		},
		"half an env file": {
			head + "    envFrom:\n      envFile:\n      - path: de‸\n",
			"common.yaml dev.env",
			"",
		},
		"a file further up": {
			head + "    envFrom:\n      envFile:\n      - path: ../‸\n",
			"prod.env src/",
			".dev/",
		},
		"a folder":         {head + "    sync:\n      local: ‸\n", "src/ ../", "prod.env"},
		"a local folder":   {"name: web\nlocal:\n  dir: ‸\n", "src/ ../", "prod.env"},
		"local traffic":    {"name: web\nlocal:\n  traffic: ‸\n", "none exchange mesh", ""},
		"local conditions": {"name: web\nlocal:\n  conditions:\n    ‸\n", "header baggage path method", ""},
		"a local container": {
			"name: web\nlocal:\n  container: ‸\ncontainers:\n- name: app\n- name: proxy\n", "app proxy", "",
		},
		"an included file":        {head + "    ${_INCLUDE_:- ./‸", "common.yaml dev.env", "config.yaml"},
		"a variable":              {"configProperties: {envFile: dev.env}\nname: ${‸\n", "IMAGE TAG _INCLUDE_", ""},
		"a variable without {":    {"name: $‸\nserviceType: ${KIND}\n", "KIND", "_INCLUDE_"},
		"no variable behind $$":   {"name: $$‸\n", "web", "_INCLUDE_"},
		"a comment":               {"# na‸\n", "", ""},
		"behind a value":          {"name: web ‸\n", "", ""},
		"an unknown place":        {"nme:\n  ‸\n", "", ""},
		"text where text is free": {head + "    gitUrl: ‸\n", "https://example.com/shop/web.git", ""},
		"a tab":                   {"name: web\ncontainers:\n- name: app\n\tdev:\n\t\t‸\n", "gitUrl image", ""},
		"carriage returns": {
			strings.ReplaceAll(head, "\n", "\r\n") + "    mode: ‸\r\n",
			"replace duplicate",
			"",
		},
		"a byte order mark": {"\ufeffname: web\n‸", "configProperties serviceType", "name"},
		"a second document": {"name: a\n---\n‸", "name configProperties", ""},
		"an alias": {
			"x-a: &a\n  image: x\ncontainers:\n- dev:\n    <<: *a\n    ‸\n",
			"gitUrl image",
			"",
		},
	}, func(t *testing.T, w *workspace, tt test) {
		got := labels(w.completion(w.edit(".dev/config.yaml", tt.text)))
		for _, no := range strings.Fields(tt.no) {
			if slices.Contains(got, no) {
				t.Errorf("%q is among %q", no, got)
			}
		}
		begins := strings.Join(got, " ")
		if !strings.HasPrefix(begins, tt.first) || tt.first == "" && begins != "" {
			t.Errorf("it begins with %.80q, want %q", begins, tt.first)
		}
	})
}

// What a chosen completion makes of the text.
func TestCompletionEdits(t *testing.T) {
	t.Parallel()
	type test struct{ text, label, want string }
	eachIn(t, map[string]string{".dev/common.yaml": "", ".dev/dev.env": ""}, map[string]test{
		"a key with text":        {"na‸", "name", "name: "},
		"a key that has a colon": {"na‸ma: web\n", "name", "name: web\n"},
		"a mapping":              {"containers:\n- ‸\n", "dev", "containers:\n- dev:\n    $0\n"},
		"a list of mappings":     {"name: web\ncont‸\n", "containers", "name: web\ncontainers:\n- name: $0\n"},
		"a list below a dash": {
			"containers:\n- dev:\n    ‸\n",
			"env",
			"containers:\n- dev:\n    env:\n- name: $0\n",
		},
		"a list of text": {
			"containers: [{dev: {‸}}]",
			"portForward",
			"containers: [{dev: {portForward: [$0]}}]",
		},
		"a mapping in brackets": {"containers: [{‸}]", "dev", "containers: [{dev: {$0}}]"},
		"sync":                  {"containers: [{dev: {‸}}]", "sync", "containers: [{dev: {sync: {$0}}}]"},
		"profiles":              {"name: a\n‸", "profiles", "name: a\nprofiles:\n  ${1:name}:\n    $0"},
		"a first item":          {"containers:\n‸", "configProperties", "containers:\nconfigProperties:\n  $0"},
		"a dash":                {"containers:\n  ‸", "- name:", "containers:\n  - name: $0"},
		"a value":               {"serviceType: de‸", "deployment", "serviceType: deployment"},
		"a value at the colon":  {"serviceType:‸", "job", "serviceType: job"},
		"a value in quotes":     {"serviceType: \"de‸\"", "deployment", "serviceType: \"deployment\""},
		"a value to be quoted": {
			"containers: [{dev: {patches: [{patch: ‸}]}}]", "spec: {template: {spec: {priorityClassName: low}}}",
			"containers: [{dev: {patches: [{patch: \"spec: {template: {spec: {priorityClassName: low}}}\"}]}}]",
		},
		"a file": {
			"containers: [{dev: {envFrom: {envFile: [{path: d‸}]}}}]", "dev.env",
			"containers: [{dev: {envFrom: {envFile: [{path: dev.env}]}}}]",
		},
		"an include": {
			"${_INCLUDE_:- ./com‸ | nindent 2}", "common.yaml", "${_INCLUDE_:- ./common.yaml | nindent 2}",
		},
		"a variable": {"name: ${FO‸}\nserviceType: $FOO\n", "FOO", "name: ${FOO}\nserviceType: $FOO\n"},
	}, func(t *testing.T, w *workspace, tt test) {
		at := w.edit(".dev/config.yaml", tt.text)
		list := w.completion(at)
		i := slices.Index(labels(list), tt.label)
		if i < 0 {
			t.Fatalf("%q is not among %q", tt.label, labels(list))
		}
		if diff := cmp.Diff(tt.want, w.applied(at.TextDocument.URI, *list.Items[i].TextEdit)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// Editors that take a text as it is get its indentation, and those without snippets get none.
func TestCompletionForEditors(t *testing.T) {
	t.Parallel()
	const text = "containers:\n- dev:\n    ‸\n"
	type test struct {
		client client
		want   string
	}
	eachIn(t, nil, map[string]test{
		"as it is":         {client{snippets: true, asIs: true}, "containers:\n- dev:\n    env:\n    - name: $0\n"},
		"without snippets": {client{}, "containers:\n- dev:\n    env:\n"},
	}, func(t *testing.T, w *workspace, tt test) {
		w.client = tt.client
		at := w.edit(".dev/config.yaml", text)
		list := w.completion(at)
		i := slices.Index(labels(list), "env")
		if diff := cmp.Diff(tt.want, w.applied(at.TextDocument.URI, *list.Items[i].TextEdit)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// Names of services and containers come from the config that a layer is for.
func TestCompletionInLayers(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, map[string]string{
		".dev/config.yaml": "- name: web\n  containers: [{name: app}]\n- name: auth\n",
	})
	got := labels(w.completion(w.edit(".dev/local.yaml", "name: ‸\n")))
	if diff := cmp.Diff([]string{"web", "auth"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	got = labels(w.completion(w.edit(".dev/defaults.yaml", "containers:\n- name: ‸\n")))
	if diff := cmp.Diff([]string{"app"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// An included file has the fields of the place that includes it.
func TestIncludedFiles(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, map[string]string{
		".dev/config.yaml": "name: web\ncontainers:\n- name: app\n  dev:\n" +
			"    ${_INCLUDE_:- ../parts/dev.yaml | nindent 4}\n",
		"parts/dev.yaml": "command:\n  ${_INCLUDE_:- ./command.yaml | nindent 2}\nenv: ${_INCLUDE_:- env.yaml}\n",
	})
	w.changed(filepath.Join(w.folder, ".dev", "config.yaml"))
	for _, tt := range []struct{ file, text, first string }{
		{"parts/command.yaml", "‸", "build run debug"},
		{"parts/env.yaml", "- ‸", "name value"},
		{"parts/env.yaml", "‸", "- name:"},
		{"parts/dev.yaml", "mode: ‸\ncommand:\n  ${_INCLUDE_:- ./command.yaml | nindent 2}\n", "replace duplicate"},
		{"parts/other.yaml", "‸", ""},
	} {
		at := w.edit(tt.file, tt.text)
		w.settle(t)
		got := strings.Join(labels(w.completion(at)), " ")
		if !strings.HasPrefix(got, tt.first) || tt.first == "" && got != "" {
			t.Errorf("%s: it begins with %.60q, want %q", tt.file, got, tt.first)
		}
	}
}

func TestSilence(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, nil)
	for _, name := range []string{"config.yaml", "deploy/values.yaml", ".dev/dev.env"} {
		if list := w.completion(w.edit(name, "‸")); len(list.Items) > 0 {
			t.Errorf("%s: %q", name, labels(list))
		}
	}
	no := false
	w.settings.Schema = &no
	at := w.edit(".dev/config.yaml", "na‸me: web\n")
	if list := w.completion(at); len(list.Items) > 0 || w.hover(at) != nil {
		t.Error("it speaks where another extension serves the schema")
	}
}

// No text has an editor's request fail, at any place of it, and every completion is for the line that it is asked on.
func FuzzRequests(f *testing.F) {
	for _, text := range []string{
		"name: web\ncontainers:\n- name: app\n  dev: {mode: , image: \"x\"}\n  \n",
		"services:\n- name: ${X:-y}\n  profiles:\n    a: {\n--- \n- &a b: *a\n",
		"\ufeffa:\r\n\tb: |\n c\n$",
		"configProperties:\n  envFile: x\nname: ${",
	} {
		for _, offset := range []int{0, len(text) / 2, len(text)} {
			f.Add(text, offset)
		}
	}
	w := newWorkspace(f, map[string]string{".dev/x": "A=1\n", ".dev/local.yaml": "name: web\n"})
	f.Fuzz(func(t *testing.T, text string, offset int) {
		at := w.edit(".dev/config.yaml", text)
		d := w.document(at.TextDocument.URI)
		at.Position = w.client.position(d.text, offset)
		for _, item := range w.completion(at).Items {
			if r := item.TextEdit.Range; r.Start.Line != at.Position.Line || r.End.Line != at.Position.Line {
				t.Fatalf("%q at %v replaces %v", item.Label, at.Position, r)
			}
		}
		w.hover(at)
		w.definition(at)
		w.codeLens(protocol.Of{TextDocument: at.TextDocument})
		w.documentSymbol(protocol.Of{TextDocument: at.TextDocument})
		w.foldingRange(protocol.Of{TextDocument: at.TextDocument})
		main, _ := w.main(d.path)
		findings, read := w.findingsOf(&w.files, main)
		w.found[main] = &checked{findings: findings, files: read}
		w.diagnostics(d.path)
		w.codeAction(protocol.AskActions{TextDocument: at.TextDocument,
			Range: protocol.Range{Start: at.Position, End: at.Position}})
	})
}
