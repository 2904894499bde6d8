package scaffold

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tailscale/hujson"
	"go.yaml.in/yaml/v3"
)

// Imported is a config made of another tool's file.
type Imported struct {
	Text string
	// Unmapped are the fields that have no counterpart, with the reason.
	Unmapped []string
}

// reasons say why a field of a devcontainer.json is not carried over.
func reasons(field string) string {
	switch field {
	case "build", "dockerFile", "dockerfile", "dockerComposeFile", "service", "context":
		return "build the image yourself and name it as dev.image"
	case "features":
		return "put the tools into the dev image"
	case "customizations", "extensions", "settings":
		return "it is the editor's; keep it there"
	case "initializeCommand", "onCreateCommand", "updateContentCommand", "postStartCommand", "postAttachCommand":
		return "put it into dev.command.run or the dev image"
	case "runArgs", "privileged", "capAdd", "securityOpt", "init", "containerUser", "remoteUser", "updateRemoteUserUID":
		return "the workload's own security context counts"
	default:
		return "it has no counterpart"
	}
}

// Devcontainer makes a config of a devcontainer.json: JSON with comments. name is the workload's name.
func Devcontainer(data []byte, name, schema string) (Imported, error) {
	plain, err := hujson.Standardize(data)
	if err != nil {
		return Imported{}, fmt.Errorf("read devcontainer.json: %w", err)
	}
	var from struct {
		Image             string
		WorkspaceFolder   string
		ContainerEnv      map[string]string
		RemoteEnv         map[string]string
		ForwardPorts      []any
		AppPort           any
		PostCreateCommand any
		Mounts            []any
	}
	var all map[string]any
	for _, into := range []any{&from, &all} {
		if err := json.Unmarshal(plain, into); err != nil {
			return Imported{}, fmt.Errorf("read devcontainer.json: %w", err)
		}
	}
	m := mapping{all: all, mapped: []string{"name", "$schema"}}
	dev := map[string]any{}
	m.put(dev, "image", "image", from.Image)
	m.put(dev, "workspaceFolder", "workDir", variables(from.WorkspaceFolder, name))
	m.put(dev, "postCreateCommand", "command", command("build", from.PostCreateCommand))
	m.env(dev, from.ContainerEnv, from.RemoteEnv, name)
	m.ports(dev, from.ForwardPorts, from.AppPort)
	m.mounts(dev, from.Mounts)
	if dev["image"] == nil {
		m.unmapped = append(m.unmapped, "image: the file names none; set containers[].dev.image")
	}
	var text strings.Builder
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(map[string]any{"containers": []any{map[string]any{"dev": dev}}}); err != nil {
		return Imported{}, err
	}
	header := fmt.Sprintf("# yaml-language-server: $schema=%s\n# Made of a devcontainer.json.\nname: %s\n"+
		"serviceType: deployment\n", schema, quote(name))
	return Imported{Text: header + text.String(), Unmapped: m.rest()}, nil
}

// mapping keeps count of what was carried over.
type mapping struct {
	all      map[string]any
	mapped   []string
	unmapped []string
}

// put sets a field that is there.
func (m *mapping) put(dev map[string]any, field, as string, value any) {
	m.mapped = append(m.mapped, field)
	if _, given := m.all[field]; given && value != nil && value != "" {
		dev[as] = value
	}
}

func (m *mapping) env(dev map[string]any, container, remote map[string]string, name string) {
	m.mapped = append(m.mapped, "containerEnv", "remoteEnv")
	var list []any
	for _, vars := range []map[string]string{container, remote} {
		for _, key := range sorted(vars) {
			value := variables(vars[key], name)
			if strings.Contains(value, "${containerEnv:") {
				m.unmapped = append(m.unmapped, key+": the container's own variables can't be named in it")
				continue
			}
			list = append(list, map[string]any{"name": key, "value": value})
		}
	}
	if list != nil {
		dev["env"] = list
	}
}

func sorted(vars map[string]string) []string {
	var keys []string
	for k := range vars {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (m *mapping) ports(dev map[string]any, forward []any, app any) {
	m.mapped = append(m.mapped, "forwardPorts", "appPort")
	if list, ok := app.([]any); ok {
		forward = append(forward, list...)
	} else if app != nil {
		forward = append(forward, app)
	}
	var ports []any
	for _, p := range forward {
		text := fmt.Sprint(p)
		if n, ok := p.(float64); ok {
			text = strconv.Itoa(int(n))
		}
		if host, _, has := strings.Cut(text, ":"); has && host != "localhost" &&
			strings.Trim(host, "0123456789") != "" {
			m.unmapped = append(m.unmapped, "forwardPorts "+text+": a port of another service; forward it from there")
			continue
		}
		ports = append(ports, strings.TrimPrefix(text, "localhost:"))
	}
	if ports != nil {
		dev["portForward"] = ports
	}
}

// mounts keeps the volumes, as folders that outlive dev mode; folders of the computer can't come along.
func (m *mapping) mounts(dev map[string]any, mounts []any) {
	m.mapped = append(m.mapped, "mounts")
	var dirs []any
	for _, mount := range mounts {
		fields := map[string]string{}
		switch x := mount.(type) {
		case string:
			for _, pair := range strings.Split(x, ",") {
				key, value, _ := strings.Cut(pair, "=")
				fields[key] = value
			}
		case map[string]any:
			for key, value := range x {
				fields[key] = fmt.Sprint(value)
			}
		}
		target := fields["target"] + fields["destination"] + fields["dst"]
		if fields["type"] != "volume" || target == "" {
			m.unmapped = append(m.unmapped,
				fmt.Sprintf("mounts %s: a folder of this computer can't be mounted in a cluster; sync it (dev.sync)",
					target))
			continue
		}
		dirs = append(dirs, map[string]any{"path": target})
	}
	if dirs != nil {
		dev["persistentVolumeDirs"] = dirs
	}
}

// rest are all fields without a counterpart.
func (m *mapping) rest() []string {
	var fields []string
	for field := range m.all {
		if !slices.Contains(m.mapped, field) {
			fields = append(fields, field+": "+reasons(field))
		}
	}
	slices.Sort(fields)
	return append(fields, m.unmapped...)
}

// command is a command of a devcontainer.json, a text or a list of arguments, as ours.
func command(name string, value any) any {
	switch x := value.(type) {
	case string:
		return map[string]any{name: []any{strings.ReplaceAll(x, "$", "$$")}}
	case []any:
		return map[string]any{name: map[string]any{"argv": x}}
	default:
		return nil
	}
}

var localEnv = regexp.MustCompile(`\$\{(?:localEnv|env):([A-Za-z_][A-Za-z0-9_]*)(?::([^}]*))?\}`)

// variables puts the config's own form in place of a devcontainer.json's variables.
func variables(text, name string) string {
	text = strings.NewReplacer("${localWorkspaceFolderBasename}", name, "${containerWorkspaceFolder}",
		"/workspaces/"+name).Replace(text)
	return localEnv.ReplaceAllString(text, "$${$1:-$2}")
}
