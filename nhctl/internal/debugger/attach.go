package debugger

import (
	"encoding/json"
	"fmt"

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
		if len(d.Paths) > 0 { // it knows one folder
			launch["localRoot"], launch["remoteRoot"] = d.Paths[0].Local, d.Paths[0].Remote
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
