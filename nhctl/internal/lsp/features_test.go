package lsp

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/lsp/protocol"
)

func TestHover(t *testing.T) {
	t.Parallel()
	const text = "name: web\ncontainers:\n- name: app\n  install: {}\n  dev:\n" +
		"    mode: duplicate # x\n    portForward:\n    - 80\n    imagee: x\n"
	type test struct{ at, want string }
	eachIn(t, nil, map[string]test{
		"a key":          {"mo‸de", "5:4-5:8 `containers[].dev.mode` (text)"},
		"a value":        {"dup‸licate", "5:4-5:8 `containers[].dev.mode` (text)"},
		"an item":        {"- 8‸0", "7:6-7:8 `containers[].dev.portForward` (text)"},
		"a mapping":      {"d‸ev:", "4:2-4:5 `containers[].dev` (mapping)"},
		"without effect": {"inst‸all", "3:2-3:9 `containers[].install` (any)"},
		"a comment":      {"# x‸", ""},
		"an unknown key": {"image‸e", ""},
	}, func(t *testing.T, w *workspace, tt test) {
		w.client.markdown = true
		marked := strings.Replace(text, strings.Replace(tt.at, mark, "", 1), tt.at, 1)
		h := w.hover(w.edit(".dev/config.yaml", marked))
		got := ""
		if h != nil {
			got = fmt.Sprintf("%d:%d-%d:%d ", h.Range.Start.Line, h.Range.Start.Character, h.Range.End.Line,
				h.Range.End.Character)
			got += strings.Split(h.Contents.Value, "\n")[0]
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestHoverText(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, nil)
	at := w.edit(".dev/config.yaml", "containers: [{dev: {onB‸uildFailure: keep}}]\n")
	want := "containers[].dev.onBuildFailure (text)\n\nWhat becomes of the running service when the build of a hot " +
		"reload, of nhctl dev run or of nhctl dev debug fails: keep lets it go on, stop ends it.\n\nOne of keep, " +
		"stop. Default: keep.\n\nA field of nhctl's own, which Nocalhost does not have."
	if diff := cmp.Diff(protocol.Content{Kind: protocol.PlainText, Value: want}, w.hover(at).Contents); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDefinition(t *testing.T) {
	t.Parallel()
	type test struct {
		file, text string
		want       []string
	}
	disk := map[string]string{
		".dev/config.yaml": "name: web\ncontainers: [{name: app}]\n",
		".dev/common.yaml": "",
		".dev/dev.env":     "",
	}
	eachIn(t, disk, map[string]test{
		"an included file": {
			".dev/config.yaml",
			"a: ${_INCLUDE_:- ./com‸mon.yaml | nindent 2}\n",
			[]string{".dev/common.yaml:0:0"},
		},
		"none":               {".dev/config.yaml", "a: ${_INCLUDE_:- ./no‸ne.yaml | nindent 2}\n", nil},
		"one outside":        {".dev/config.yaml", "a: ${_INCLUDE_:- ../../../../../../../etc/pass‸wd}\n", nil},
		"within an included": {".dev/common.yaml", "${_INCLUDE_:- ./dev‸.env}\n", []string{".dev/dev.env:0:0"}},
		"an env file": {
			".dev/config.yaml",
			"containers: [{dev: {envFrom: {envFile: [{path: dev‸.env}]}}}]\n",
			[]string{".dev/dev.env:0:0"},
		},
		"the file's env file": {
			".dev/config.yaml",
			"configProperties: {envFile: dev‸.env}\n",
			[]string{".dev/dev.env:0:0"},
		},
		"an alias": {
			".dev/config.yaml",
			"x-a: &a 1\nx-b: &a 2\nname: *‸a\nx-c: &a 3\n",
			[]string{".dev/config.yaml:1:0"},
		},
		"a profile": {
			".dev/config.yaml",
			"- name: a\n  profiles:\n    sl‸im: {}\n- name: b\n  profiles:\n    slim: {}\n",
			[]string{".dev/config.yaml:5:4"},
		},
		"a service of a layer": {".dev/local.yaml", "name: we‸b\n", []string{".dev/config.yaml:0:6"}},
		"a container": {
			".dev/local.yaml",
			"name: web\ncontainers:\n- name: ap‸p\n",
			[]string{".dev/config.yaml:1:20"},
		},
		"a container unnamed": {
			".dev/defaults.yaml",
			"containers:\n- name: ap‸p\n",
			[]string{".dev/config.yaml:1:20"},
		},
		"a profile's container": {
			".dev/config.yaml",
			"name: web\ncontainers: [{name: app}]\nprofiles: {x: {containers: [{name: a‸pp}]}}\n",
			[]string{".dev/config.yaml:1:20"},
		},
		"a text": {".dev/config.yaml", "name: we‸b\n", nil},
	}, func(t *testing.T, w *workspace, tt test) {
		var got []string
		for _, l := range w.definition(w.edit(tt.file, tt.text)) {
			at := l.Range.Start
			got = append(got, fmt.Sprintf("%s:%d:%d", w.relative(l.URI), at.Line, at.Character))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// Each fix is offered at its finding; the text is what it makes.
func TestFixes(t *testing.T) {
	t.Parallel()
	type test struct{ text, title, want string }
	eachIn(t, nil, map[string]test{
		"a typo": {
			"name: a\nservicetype‸: job\n",
			"Change to \"serviceType\"",
			"name: a\nserviceType: job\n",
		},
		"a typo, removed": {"name: a\nservicetype‸: job\n", "Remove servicetype", "name: a\n"},
		"a wrong value":   {"name: a\nserviceType: jo‸bb\n", "Change to \"job\"", "name: a\nserviceType: job\n"},
		"one in quotes":   {"name: a\nserviceType: \"jo‸bb\"\n", "Change to \"job\"", "name: a\nserviceType: job\n"},
		"an enumeration": {
			"name: a\ncontainers: [{dev: {mode: re‸place2}}]\n",
			"Change to \"replace\"",
			"name: a\ncontainers: [{dev: {mode: replace}}]\n",
		},
		"without effect": {
			"name: a\npriority‸Class: x\ncontainers: []\n",
			"Remove priorityClass",
			"name: a\ncontainers: []\n",
		},
		"one with lines": {
			"name: a\ncontainers:\n- inst‸all:\n    env: []\n  name: b\n",
			"Remove install",
			"name: a\ncontainers:\n- name: b\n",
		},
		"one in the middle": {
			"name: a\ncontainers:\n- name: b\n  inst‸all:\n    env:\n    - x\n  dev: {}\n",
			"Remove install",
			"name: a\ncontainers:\n- name: b\n  dev: {}\n",
		},
		"one in brackets": {
			"name: a\ncontainers: [{name: b, inst‸all: {a: 1}}]\n",
			"Remove install",
			"name: a\ncontainers: [{name: b}]\n",
		},
		"first in brackets": {
			"name: a\ncontainers: [{inst‸all: {a: 1}, name: b}]\n",
			"Remove install",
			"name: a\ncontainers: [{name: b}]\n",
		},
		"in a wrong place": {"name: a\nsh‸ell: x\n", "Remove shell", "name: a\n"},
		"no name":          {"‸containers: []\n", "Add name", "name: shop\ncontainers: []\n"},
		"no name, in a list": {
			"services:\n- cont‸ainers: []\n",
			"Add name",
			"services:\n- name: shop\n  containers: []\n",
		},
		"no name, in {}": {"‸{containers: []}\n", "Add name", "{name: \"shop\", containers: []}\n"},
		"no path": {
			"name: a\ncontainers:\n- dev:\n    persistentVolumeDirs:\n    - cap‸acity: 1Gi\n",
			"Add path",
			"name: a\ncontainers:\n- dev:\n    persistentVolumeDirs:\n    - path: \n      capacity: 1Gi\n",
		},
		"carriage returns": {
			"services:\r\n- cont‸ainers: []\r\n",
			"Add name",
			"services:\r\n- name: shop\r\n  containers: []\r\n",
		},
		"a tab": {
			"name: a\ncontainers:\n‸\t- name: b\n",
			"Replace the tab by spaces",
			"name: a\ncontainers:\n  - name: b\n",
		},
		"a pasted quote": {"name: ‸“a”\n", "Replace by \"\\\"\"", "name: \"a”\n"},
		"a pasted space": {"name: a\u00a0‸b\n", "Replace by \" \"", "name: a b\n"},
		"a variable":     {"name: a$‸NOT_SET\n", "Change to \"$$NOT_SET\"", "name: a$$NOT_SET\n"},
	}, func(t *testing.T, w *workspace, tt test) {
		at := w.edit(".dev/config.yaml", tt.text)
		w.settle(t)
		var titles []string
		for _, a := range w.codeAction(protocol.AskActions{TextDocument: at.TextDocument,
			Range: protocol.Range{Start: at.Position, End: at.Position}}) {
			titles = append(titles, a.Title)
			if a.Title == tt.title {
				got := w.applied(at.TextDocument.URI, a.Edit.Changes[at.TextDocument.URI][0])
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				return
			}
		}
		t.Errorf("%q is not among %q", tt.title, titles)
	})
}

// settle has all configs checked, without an editor that hears of it.
func (w *workspace) settle(t *testing.T) {
	t.Helper()
	for main, c := range w.found {
		findings, read := w.findingsOf(&w.files, main)
		c.seen, c.findings, c.files = c.changes, findings, read
	}
}

// What a template puts in can't be replaced where it stands.
func TestNoFixOfRenderedText(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, nil)
	at := w.edit(".dev/config.yaml", "name: a\nserviceType: ‸${KIND:-jobb}\n")
	w.settle(t)
	if got := w.codeAction(protocol.AskActions{TextDocument: at.TextDocument,
		Range: protocol.Range{Start: at.Position, End: at.Position}}); len(got) > 0 {
		t.Errorf("%+v", got)
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	title := "Import into .dev/config.yaml"
	for name, tt := range map[string]struct {
		disk     map[string]string
		commands []string
		text     string
		want     bool
	}{
		"on the first line":   {nil, []string{importCommand}, "‸name: a\n", true},
		"of the first format": {nil, []string{importCommand}, "# x\nsvc‸Configs: []\n", true},
		"elsewhere":           {nil, []string{importCommand}, "name: a\n‸x: y\n", false},
		"an unknown command":  {nil, nil, "‸name: a\n", false},
		"where there is a dev": {
			map[string]string{".dev/config.yaml": ""},
			[]string{importCommand},
			"‸name: a\n",
			false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t, tt.disk)
			w.settings.Commands = tt.commands
			at := w.edit(".nocalhost/config.yaml", tt.text)
			w.settle(t)
			var got *protocol.Command
			for _, a := range w.codeAction(protocol.AskActions{TextDocument: at.TextDocument,
				Range: protocol.Range{Start: at.Position, End: at.Position}}) {
				if a.Command != nil {
					got = a.Command
				}
			}
			var want *protocol.Command
			if tt.want {
				want = &protocol.Command{Title: title, Command: importCommand, Arguments: []any{w.folder}}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestCodeLens(t *testing.T) {
	t.Parallel()
	type test struct {
		file, text string
		want       []string
	}
	eachIn(t, nil, map[string]test{
		"one": {
			".dev/config.yaml",
			"name: web\n",
			[]string{"0 Start deployment/web", "0 Debug deployment/web"},
		},
		"a list": {
			".dev/config.yaml",
			"- serviceType: sts\n  name: db\n- name: $X\n- serviceType: no\n  name: x\n",
			[]string{"1 Start statefulset/db", "1 Debug statefulset/db"},
		},
		"Nocalhost's": {
			".nocalhost/config.yaml",
			"application: {services: [{name: web}]}\n",
			[]string{"0 Start deployment/web", "0 Debug deployment/web"},
		},
		"a layer":      {".dev/local.yaml", "name: web\n", nil},
		"another file": {"deploy.yaml", "name: web\n", nil},
	}, func(t *testing.T, w *workspace, tt test) {
		at := w.edit(tt.file, tt.text)
		var got []string
		for _, l := range w.codeLens(protocol.Of{TextDocument: at.TextDocument}) {
			got = append(got, fmt.Sprint(l.Range.Start.Line, " ", l.Command.Title, " ", l.Command.Arguments[0]))
			if l.Command.Arguments[1] != w.folder {
				t.Errorf("folder %v", l.Command.Arguments[1])
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		w.settings.Commands = nil
		if l := w.codeLens(protocol.Of{TextDocument: at.TextDocument}); len(l) > 0 {
			t.Errorf("%+v for a client without the commands", l)
		}
	})
}

func TestSymbolsAndFolds(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, nil)
	at := w.edit(".dev/config.yaml", "# one\n# two\n- name: web # a\n  containers:\n  - name: app\n    dev: {}\n"+
		"  profiles:\n    slim:\n      containers:\n      - dev: {}\n- containers: []\n")
	var show func(list []protocol.Symbol, depth int) string
	show = func(list []protocol.Symbol, depth int) (text string) {
		for _, x := range list {
			text += fmt.Sprintf("%s%s (%s) %d-%d\n", strings.Repeat(" ", depth), x.Name, x.Detail, x.Range.Start.Line,
				x.Range.End.Line)
			text += show(x.Children, depth+1)
		}
		return text
	}
	want := "web (service) 2-9\n app (container) 4-5\n slim (profile) 7-9\n  (container) (container) 9-9\n" +
		"(service) (service) 10-10\n"
	if diff := cmp.Diff(want, show(w.documentSymbol(protocol.Of{TextDocument: at.TextDocument}), 0)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	folds := []protocol.Fold{{StartLine: 2, EndLine: 9}, {StartLine: 3, EndLine: 5}, {StartLine: 4, EndLine: 5},
		{StartLine: 6, EndLine: 9}, {StartLine: 7, EndLine: 9}, {StartLine: 8, EndLine: 9},
		{StartLine: 0, EndLine: 1, Kind: protocol.FoldComment}}
	if diff := cmp.Diff(folds, w.foldingRange(protocol.Of{TextDocument: at.TextDocument})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// What lies outside of the folders is not read, by a path or by a link.
func TestFilesOutside(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, map[string]string{
		".dev/in.env": "A=1\n", "../outside.env": "B=2\n", "../other/.dev/config.yaml": "name: x\n",
	})
	link(t, filepath.Join("..", "..", "outside.env"), filepath.Join(w.folder, ".dev", "link.env"))
	link(t, "in.env", filepath.Join(w.folder, ".dev", "inner.env"))
	w.edit(".dev/config.yaml", "name: a\ncontainers: [{dev: {envFrom: {envFile: [{path: in.env}, {path: inner.env}, "+
		"{path: ../../outside.env}, {path: link.env}, {path: none.env}, {path: ../../none.env}]}}}]\n")
	w.settle(t)
	var got []string
	for _, x := range w.about(filepath.Join(w.folder, ".dev", "config.yaml")) {
		got = append(got, x.Severity+" "+x.Code)
	}
	const warning, mistake = "warning unreadable-file", "error unreadable-file"
	want := []string{warning, warning, mistake, warning}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Folders that the editor opens may be read, and no more once it closes them.
func TestFolders(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, map[string]string{"../other/x.env": "A=1\n"})
	config := filepath.Join(w.folder, ".dev", "config.yaml")
	w.edit(".dev/config.yaml", "name: a\ncontainers: [{dev: {envFrom: {envFile: [{path: ../../other/x.env}]}}}]\n")
	other := []protocol.Folder{{URI: uriOf(filepath.Join(filepath.Dir(w.folder), "other")), Name: "other"}}
	var opened, closed protocol.DidChangeFolders
	opened.Event.Added, closed.Event.Removed = other, other
	var got []int
	for _, change := range []protocol.DidChangeFolders{{}, opened, closed} {
		w.didChangeFolders(change)
		w.settle(t)
		got = append(got, len(w.about(config)))
	}
	if diff := cmp.Diff([]int{1, 0, 1}, got); diff != "" {
		t.Errorf("findings: -want +got:\n%s", diff)
	}
}
