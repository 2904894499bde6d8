package docs

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
)

// kindRow is what TestKinds compares with a cluster: what dev mode changes of a workload, and how many of its pods go on.
type kindRow struct {
	Kind, Mode string
	Args       []string
	Asks       bool
	Changes    []string
	Pods, Left int
}

// Kinds describes what happens to each kind of workload in each mode, from the rows that the scenarios compare with a cluster.
func Kinds(scenarios fs.FS) (string, error) {
	data, err := fs.ReadFile(scenarios, "testdata/kinds.json")
	if err != nil {
		return "", err
	}
	var rows []kindRow
	if err := json.Unmarshal(data, &rows); err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(kindsHeader)
	for _, r := range rows {
		name := strings.Join(append([]string{r.Mode}, r.Args...), " ")
		changes := "nothing"
		if len(r.Changes) > 0 {
			changes = "`" + strings.Join(r.Changes, "`<br>`") + "`"
		}
		if r.Asks {
			changes += "<br>after a yes (`--yes`)"
		}
		goesOn := fmt.Sprintf("%d of %d", r.Left, r.Pods)
		if r.Pods == 0 {
			goesOn = "-"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.Kind, name, changes, goesOn, "TestKinds/"+strings.ReplaceAll(r.Kind+"/"+name, " ", "_"))
	}
	return b.String(), nil
}

const kindsHeader = "# What happens to each kind of workload\n\nGenerated from the rows that the scenarios compare with a real cluster; `make generate` writes it anew.\n\n" +
	"*Changes* are all differences of the original while it is in dev mode, as the scenario finds them; `SESSION` is the session's id. After\n" +
	"`nhctl dev end` there are none in the whole namespace. The custom resource is one shaped like Argo Rollouts, without its controller.\n\n" +
	"| kind | mode | changes of the original | its pods that go on | seen in |\n|---|---|---|---|---|\n"
