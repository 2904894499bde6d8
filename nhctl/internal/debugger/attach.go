package debugger

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// HowToAttach says in a few lines how a client of the language attaches; empty for languages that it knows nothing of.
func HowToAttach(d event.DebugData) string {
	address := fmt.Sprintf("%s:%d", d.Host, d.Port)
	var substitutes, mapping []map[string]string
	for _, p := range d.Paths {
		substitutes = append(substitutes, map[string]string{"from": p.Local, "to": p.Remote})
		mapping = append(mapping, map[string]string{"localRoot": p.Local, "remoteRoot": p.Remote})
	}
	launch := map[string]any{"name": "nhctl", "request": "attach"}
	client := ""
	switch d.Language {
	case Go:
		client = "nhctl dev debug --attach, or dlv connect " + address
		launch["type"], launch["mode"], launch["host"], launch["port"] = "go", "remote", d.Host, d.Port
		launch["substitutePath"] = substitutes
	case Python:
		client = "any DAP client, at " + address
		launch["type"], launch["connect"], launch["pathMappings"] = "debugpy", map[string]any{"host": d.Host, "port": d.Port}, mapping
	case Node:
		client = "node inspect " + address + ", or chrome://inspect"
		launch["type"], launch["address"], launch["port"] = "node", d.Host, d.Port
		launch["restart"] = true // it attaches again to what a reloader starts
		if len(d.Paths) > 0 {    // it knows one folder
			launch["localRoot"], launch["remoteRoot"] = d.Paths[0].Local, d.Paths[0].Remote
		}
	case Java: // it finds sources by their classes
		client = fmt.Sprintf("jdb -connect com.sun.jdi.SocketAttach:hostname=%s,port=%d", d.Host, d.Port)
		launch["type"], launch["hostName"], launch["port"] = "java", d.Host, d.Port
		for _, p := range d.Paths {
			client += " -sourcepath " + p.Local
			break
		}
	case Ruby:
		var pairs []string
		for _, p := range d.Paths {
			pairs = append(pairs, p.Remote+":"+p.Local)
		}
		client = fmt.Sprintf("rdbg --attach %s %d, or any DAP client", d.Host, d.Port)
		launch["type"], launch["debugPort"], launch["localfsMap"] = "rdbg", address, strings.Join(pairs, ",")
	case C, CPP, Rust:
		var pairs [][]string
		for _, p := range d.Paths {
			pairs = append(pairs, []string{p.Remote, p.Local})
		}
		client = "any DAP client, at " + address
		launch["type"], launch["debugServer"], launch["program"], launch["sourceMap"] = "lldb-dap", d.Port, d.Program, pairs
		if d.Waits { // nobody has started it yet
			launch["request"], launch["disableASLR"] = "launch", false
		}
	default:
		return ""
	}
	text, err := json.Marshal(launch)
	if err != nil {
		return client
	}
	return client + "\nVS Code:   " + string(text)
}
