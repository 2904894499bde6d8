package scaffold

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/debugger"
	"github.com/nhctl/nhctl/nhctl/internal/scaffold/publicimage"
)

// The config that a first format becomes, in the order in which it is written.
type (
	madeFile struct {
		Application madeApplication `yaml:"application"`
	}
	madeApplication struct {
		Name     string        `yaml:"name,omitempty"`
		Services []madeService `yaml:"services"`
	}
	madeService struct {
		Name        string          `yaml:"name"`
		ServiceType string          `yaml:"serviceType"`
		Depend      *madeDepend     `yaml:"dependLabelSelector,omitempty"`
		Containers  []madeContainer `yaml:"containers"`
	}
	madeDepend struct {
		Pods []string `yaml:"pods,omitempty"`
		Jobs []string `yaml:"jobs,omitempty"`
	}
	madeContainer struct {
		Dev madeDev `yaml:"dev"`
	}
	madeDev struct {
		GitURL    string              `yaml:"gitUrl,omitempty"`
		Image     string              `yaml:"image"`
		Shell     string              `yaml:"shell,omitempty"`
		WorkDir   string              `yaml:"workDir,omitempty"`
		Resources any                 `yaml:"resources,omitempty"`
		Dirs      any                 `yaml:"persistentVolumeDirs,omitempty"`
		Command   map[string][]string `yaml:"command,omitempty"`
		Debug     *madeDebug          `yaml:"debug,omitempty"`
		Sync      *madeSync           `yaml:"sync,omitempty"`
		Ports     []string            `yaml:"portForward,omitempty"`
	}
	madeDebug struct {
		Language string `yaml:"language"`
	}
	madeSync struct {
		Files  []string `yaml:"filePattern,omitempty"`
		Ignore []string `yaml:"ignoreFilePattern,omitempty"`
		Local  string   `yaml:"local,omitempty"`
	}
)

// FirstFormat makes a config of one in Nocalhost's first format, in either of its forms.
func FirstFormat(data []byte, schema string) (Imported, error) {
	var all map[string]any
	if err := yaml.Unmarshal(data, &all); err != nil {
		return Imported{}, fmt.Errorf("read the config: %w", err)
	}
	top := old{fields: all}
	application, _ := top.take("appConfig").(map[string]any)
	app := old{fields: application, at: "appConfig: "}
	made := madeFile{madeApplication{Name: cmp.Or(app.text("name"), top.text("name"))}}
	for _, installs := range []*old{&top, &app} {
		installs.drop("it is about installing the application", "preInstalls", "onPreInstall", "type", "manifestType",
			"resourcePath", "ignoredPath")
	}
	lost := append(top.lost, app.rest()...)
	for _, key := range []string{"svcConfigs", "services", "service"} {
		list, _ := top.take(key).([]any)
		for _, item := range list {
			fields, ok := item.(map[string]any)
			if !ok {
				continue
			}
			name, _ := fields["name"].(string)
			service := old{fields: fields, at: name + ": "}
			made.Application.Services = append(made.Application.Services, service.service())
			lost = append(lost, service.rest()...)
		}
	}
	top.lost = nil
	lost = append(lost, top.rest()...)
	var text strings.Builder
	fmt.Fprintf(&text, "# yaml-language-server: $schema=%s\n# Made of a config in Nocalhost's first format.\n", schema)
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(made); err != nil {
		return Imported{}, err
	}
	return Imported{Text: text.String(), Unmapped: lost}, nil
}

// old is a mapping of the first format. What is taken from it was understood; lost is what has no counterpart.
type old struct {
	at     string
	fields map[string]any
	taken  []string
	lost   []string
}

func (o *old) take(key string) any {
	o.taken = append(o.taken, key)
	return o.fields[key]
}

// text is the first of some fields that is not empty.
func (o *old) text(keys ...string) (text string) {
	for _, key := range keys {
		if v := o.take(key); v != nil && text == "" {
			text = fmt.Sprint(v)
		}
	}
	return text
}

// texts is the first of some lists that is not empty; one text is a list of one.
func (o *old) texts(keys ...string) (list []string) {
	for _, key := range keys {
		items, isList := o.take(key).([]any)
		if v := o.fields[key]; !isList && v != nil {
			items = []any{v}
		}
		if len(list) > 0 {
			continue
		}
		for _, item := range items {
			if item != nil && item != "" {
				list = append(list, fmt.Sprint(item))
			}
		}
	}
	return list
}

// drop leaves fields out, with a reason for those that are there.
func (o *old) drop(reason string, keys ...string) {
	for _, key := range keys {
		if v := o.take(key); v != nil && v != "" {
			o.lose(key, reason)
		}
	}
}

func (o *old) lose(what, reason string) { o.lost = append(o.lost, o.at+what+": "+reason) }

// rest are the fields without a counterpart.
func (o *old) rest() []string {
	var fields []string
	for key, v := range o.fields {
		if !slices.Contains(o.taken, key) && v != nil {
			fields = append(fields, o.at+key+": it has no counterpart")
		}
	}
	slices.Sort(fields)
	return append(o.lost, fields...)
}

func (o *old) service() madeService {
	o.drop("nhctl has its own sidecar", "sideCarImage", "sidecarImage")
	o.drop("terminals need no SSH: nhctl dev terminal", "sshPort")
	o.drop("sources are where you start dev mode; name another folder with --dir, or in .dev/local.yaml as "+
		"containers[].dev.sync.local", "localWorkDir")
	o.drop("it is about installing the application", "priorityClass")
	made := madeService{Name: o.text("name"), ServiceType: cmp.Or(o.text("type", "serviceType"), "deployment")}
	pods, jobs := o.texts("pods", "dependPodsLabelSelector"), o.texts("jobs", "dependJobsLabelSelector")
	if len(pods)+len(jobs) > 0 {
		made.Depend = &madeDepend{Pods: pods, Jobs: jobs}
	}
	dev := madeDev{
		GitURL:    o.text("gitUrl"),
		Image:     o.text("devImage", "devContainerImage"),
		Shell:     o.text("devContainerShell"),
		WorkDir:   o.text("workDir", "mountPath"),
		Resources: o.take("devContainerResources"),
		Dirs:      o.take("persistentVolumeDirs"),
		Command:   o.commands(),
		Sync:      o.sync(),
		Ports:     o.texts("devPort", "devPorts"),
	}
	o.language(&dev)
	made.Containers = []madeContainer{{dev}}
	return made
}

// language has the debugger, and the dev image where none is named: the first format chose one by the language.
func (o *old) language(dev *madeDev) {
	name := strings.ToLower(o.text("devLang"))
	switch name {
	case "golang":
		name = "go"
	case "nodejs", "javascript":
		name = "node"
	}
	if slices.Contains(debugger.Languages(), name) {
		dev.Debug = &madeDebug{name}
	} else if name != "" {
		o.lose("devLang "+name, "nhctl has no debugger for it")
	}
	if dev.Image != "" {
		return
	}
	dev.Image = cmp.Or(publicimage.For(nil, name).Ref, config.AutoImage)
}

func (o *old) commands() map[string][]string {
	made := map[string][]string{}
	for _, c := range []struct {
		name string
		from []string
	}{
		{"build", []string{"buildCommand"}}, {"run", []string{"command", "runCommand"}},
		{"debug", []string{"debugCommand"}},
		{"hotReloadRun", []string{"hotReloadRunCommand"}}, {"hotReloadDebug", []string{"hotReloadDebugCommand"}},
	} {
		for _, word := range o.texts(c.from...) {
			made[c.name] = append(made[c.name], escape(word))
		}
	}
	return made
}

// sync has the one folder that is synced to workDir. The first format took folders of the writer's computer, and
// several into one.
func (o *old) sync() *madeSync {
	made := madeSync{Files: o.texts("syncFilePattern"), Ignore: o.texts("ignore", "ignoreFilePattern")}
	chosen := ""
	for _, folder := range o.texts("sync", "syncDirs") {
		clean := path.Clean(folder)
		switch {
		case path.IsAbs(folder) || strings.HasPrefix(folder, "~") || strings.HasPrefix(clean, "..") ||
			strings.Contains(folder, `:\`):
			o.lose("sync "+folder, "a folder of one computer; its developer names it with --dir, or in "+
				".dev/local.yaml as containers[].dev.sync.local")
		case chosen != "" && chosen != clean:
			o.lose("sync "+folder,
				"workDir has one folder; write dev.sync as a list, each with a remote folder of its own")
		default:
			chosen = clean
		}
	}
	if chosen != "" && chosen != "." {
		made.Local = chosen
	}
	if len(made.Files)+len(made.Ignore) == 0 && made.Local == "" {
		return nil
	}
	return &made
}
