package docs

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
)

// kindRow is what TestKinds compares with a cluster: what dev mode changes of a workload, and how many of its pods go
// on.
type kindRow struct {
	Kind, Mode string
	Args       []string
	Asks       bool
	Changes    []string
	Pods, Left int
}

// Kinds describes what happens to each kind of workload in each mode, from the rows that the scenarios compare with a
// cluster.
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
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.Kind, name, changes, goesOn,
			"TestKinds/"+strings.ReplaceAll(r.Kind+"/"+name, " ", "_"))
	}
	return b.String(), nil
}

// podRow is what TestPodShapes looks at: a feature of a pod, and what becomes of it.
type podRow struct {
	Shape, Feature, Mode, Config, What string
}

// Pods describes what becomes of a pod's features in each mode, from the rows that the scenarios look at.
func Pods(scenarios fs.FS) (string, error) {
	data, err := fs.ReadFile(scenarios, "testdata/pods.json")
	if err != nil {
		return "", err
	}
	var rows []podRow
	if err := json.Unmarshal(data, &rows); err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(podsHeader)
	for _, r := range rows {
		mode := r.Mode
		if r.Config != "" {
			mode += ", `" + r.Config + "`"
		}
		name := strings.TrimSpace(r.Shape + "/" + r.Mode + " " + r.Config)
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.Feature, mode, r.What,
			"TestPodShapes/"+strings.ReplaceAll(name+"/"+r.Feature, " ", "_"))
	}
	return b.String(), nil
}

const podsHeader = "# What becomes of a pod's features\n\n" +
	"Generated from the rows that the scenarios look at on a real cluster; `make generate` writes it again.\n\n" +
	"A StatefulSet's volumeClaimTemplates are in the [table of kinds](kinds.md): its twin has the claims of the pod " +
	"that it stands in for, a\n" +
	"duplicate has empty volumes. An image without a shell works as a dev image for sync, ports, `dev run` and `dev " +
	"exec` of its programs.\n\n" +
	"| feature | mode | in the twin | seen in |\n|---|---|---|---|\n"

const kindsHeader = "# What happens to each kind of workload\n\n" +
	"Generated from the rows that the scenarios compare with a real cluster; `make generate` writes it again.\n\n" +
	"*Changes* are all differences of the original while it is in dev mode, as the scenario finds them; `SESSION` " +
	"is the session's id. After\n" +
	"`nhctl dev end` there are none in the whole namespace. The custom resource is one shaped like Argo Rollouts, " +
	"without its controller.\n\n" +
	"| kind | mode | changes of the original | its pods that go on | seen in |\n|---|---|---|---|---|\n"
