package debugger

import (
	"encoding/json"
	"fmt"

	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// HowToAttach says in a few lines how a client of the language attaches; empty for languages that it knows nothing of.
func HowToAttach(d event.DebugData) string {
	address := fmt.Sprintf("%s:%d", d.Host, d.Port)
	var local, remote string
	if len(d.Paths) > 0 {
		local, remote = d.Paths[0].Local, d.Paths[0].Remote
	}
	mapping := []map[string]string{{"localRoot": local, "remoteRoot": remote}}
	launch := map[string]any{"name": "nhctl", "request": "attach"}
	client := ""
	switch d.Language {
	case Go:
		client = "nhctl dev debug --attach, or dlv connect " + address
		launch["type"], launch["mode"], launch["host"], launch["port"] = "go", "remote", d.Host, d.Port
		launch["substitutePath"] = []map[string]string{{"from": local, "to": remote}}
	case Python:
		client = "any DAP client, at " + address
		launch["type"], launch["connect"], launch["pathMappings"] = "debugpy", map[string]any{"host": d.Host, "port": d.Port}, mapping
	case Node:
		client = "node inspect " + address + ", or chrome://inspect"
		launch["type"], launch["address"], launch["port"], launch["localRoot"], launch["remoteRoot"] = "node", d.Host, d.Port, local, remote
	default:
		return ""
	}
	text, err := json.Marshal(launch)
	if err != nil {
		return client
	}
	return client + "\nVS Code:   " + string(text)
}
