package debugger

import (
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// Attach says how clients of the language attach, in their own terms; nil for languages that it knows nothing of.
func Attach(d event.DebugData) *event.AttachData {
	attach := map[string]func(event.DebugData) *event.AttachData{
		Go:     attachGo,
		Python: attachPython,
		Node:   attachNode,
		Java:   attachJava,
		Ruby:   attachRuby,
		C:      attachLLDB,
		CPP:    attachLLDB,
		Rust:   attachLLDB,
	}[d.Language]
	if attach == nil {
		return nil
	}
	a := attach(d)
	a.VSCode.Name = "nhctl"
	if a.VSCode.Request == "" {
		a.VSCode.Request = "attach"
	}
	if a.DAP != nil {
		a.DAP.Host, a.DAP.Port, a.DAP.Request, a.DAP.Arguments = d.Host, d.Port, a.VSCode.Request, a.VSCode.DAPArguments
	}
	return a
}

func address(d event.DebugData) string { return net.JoinHostPort(d.Host, strconv.Itoa(d.Port)) }

func attachGo(d event.DebugData) *event.AttachData {
	a := &event.AttachData{
		VSCode:   event.VSCodeData{Type: "go", Host: d.Host, Port: d.Port},
		DAP:      &event.DAPData{},
		Terminal: []string{"dlv", "connect", address(d)},
	}
	a.VSCode.Mode = "remote"
	for _, p := range d.Paths {
		a.VSCode.SubstitutePath = append(a.VSCode.SubstitutePath, event.Substitution{From: p.Local, To: p.Remote})
	}
	return a
}

func attachPython(d event.DebugData) *event.AttachData {
	a := &event.AttachData{
		VSCode: event.VSCodeData{Type: "debugpy", Connect: &event.Connection{Host: d.Host, Port: d.Port}},
		DAP:    &event.DAPData{},
	}
	for _, p := range d.Paths {
		a.VSCode.PathMappings = append(a.VSCode.PathMappings,
			event.PathMapping{LocalRoot: p.Local, RemoteRoot: p.Remote})
	}
	return a
}

func attachNode(d event.DebugData) *event.AttachData {
	a := &event.AttachData{
		VSCode:   event.VSCodeData{Type: "node", Address: d.Host, Port: d.Port, Restart: true},
		Terminal: []string{"node", "inspect", address(d)},
	}
	if len(d.Paths) > 0 { // it knows one folder
		a.VSCode.LocalRoot, a.VSCode.RemoteRoot = d.Paths[0].Local, d.Paths[0].Remote
	}
	return a
}

// attachJava maps no paths: clients find sources by their classes.
func attachJava(d event.DebugData) *event.AttachData {
	socket := fmt.Sprintf("com.sun.jdi.SocketAttach:hostname=%s,port=%d", d.Host, d.Port)
	a := &event.AttachData{
		VSCode:   event.VSCodeData{Type: "java", HostName: d.Host, Port: d.Port},
		Terminal: []string{"jdb", "-connect", socket},
	}
	if len(d.Paths) > 0 {
		a.Terminal = append(a.Terminal, "-sourcepath", d.Paths[0].Local)
	}
	return a
}

func attachRuby(d event.DebugData) *event.AttachData {
	var pairs []string
	for _, p := range d.Paths {
		pairs = append(pairs, p.Remote+":"+p.Local)
	}
	a := &event.AttachData{
		VSCode:   event.VSCodeData{Type: "rdbg", DebugPort: address(d)},
		DAP:      &event.DAPData{},
		Terminal: []string{"rdbg", "--attach", d.Host, strconv.Itoa(d.Port)},
	}
	a.VSCode.LocalFSMap, a.VSCode.NonStop = strings.Join(pairs, ","), d.Waits
	return a
}

func attachLLDB(d event.DebugData) *event.AttachData {
	a := &event.AttachData{
		VSCode: event.VSCodeData{Type: "lldb-dap", DebugServer: d.Port},
		DAP:    &event.DAPData{},
	}
	a.VSCode.Program = d.Program
	for _, p := range d.Paths {
		a.VSCode.SourceMap = append(a.VSCode.SourceMap, [2]string{p.Remote, p.Local})
	}
	if d.Waits { // no one has started it yet
		a.VSCode.Request, a.VSCode.DisableASLR = "launch", new(bool)
	}
	return a
}

// HowToAttach says in two lines how a client of the language attaches; empty for languages that it knows nothing of.
func HowToAttach(d event.DebugData) string {
	a := Attach(d)
	if a == nil {
		return ""
	}
	var clients []string
	if d.Language == Go {
		clients = append(clients, "nhctl dev debug --attach")
	}
	if len(a.Terminal) > 0 {
		clients = append(clients, strings.Join(a.Terminal, " "))
	}
	switch d.Language {
	case Node:
		clients = append(clients, "chrome://inspect")
	case Ruby:
		clients = append(clients, "any DAP client")
	case Python, C, CPP, Rust:
		clients = append(clients, "any DAP client, at "+address(d))
	}
	text := strings.Join(clients, ", or ")
	if launch, err := sorted(a.VSCode); err == nil {
		text += "\nVS Code:   " + launch
	}
	return text
}

// sorted is a value as JSON, its keys in their order.
func sorted(v any) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(text, &keys); err != nil {
		return "", err
	}
	text, err = json.Marshal(keys)
	return string(text), err
}
