package main

import (
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"go.yaml.in/yaml/v3"
)

// workflows are the files of GitHub's workflows.
func workflows(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", ".github", "workflows", "*.yml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("workflows: %q, %v", files, err)
	}
	return files
}

func TestWorkflows(t *testing.T) {
	t.Parallel()
	// Without the programs that it would look for on this machine, actionlint finds the same everywhere.
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	found, err := linter.LintFiles(workflows(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range found {
		t.Error(problem)
	}
}

var (
	// action is a step's action, with its version.
	action = regexp.MustCompile(`(?m)^\s*(?:- )?uses: (\S+)`)
	// pinned are actions of a major version, and workflows of this repository.
	pinned = regexp.MustCompile(`^(\./\S+|[\w.-]+/[\w.-]+@v\d+)$`)
	// reads is the first permission of a workflow, for all of its jobs.
	reads = regexp.MustCompile(`(?m)^permissions:\n  contents: read\n(?:\S|\n)`)
)

// A workflow may read, and its jobs may more where they say so; its actions have a version.
func TestWorkflowsAskForLittle(t *testing.T) {
	t.Parallel()
	for _, file := range workflows(t) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !reads.Match(data) {
			t.Errorf("%s: want contents: read as the only permission of the whole workflow", file)
		}
		actions := action.FindAllSubmatch(data, -1)
		if len(actions) == 0 {
			t.Errorf("%s uses no action", file)
		}
		for _, a := range actions {
			if !pinned.Match(a[1]) {
				t.Errorf("%s: %s has no major version", file, a[1])
			}
		}
	}
}

// job is one of a workflow.
type job struct {
	Permissions map[string]string
	Steps       []struct {
		Uses, Run string
		With      map[string]string
	}
}

// releaseJobs are those of the release's workflow, by their names.
func releaseJobs(t *testing.T) map[string]job {
	t.Helper()
	var workflow struct{ Jobs map[string]job }
	if err := yaml.Unmarshal([]byte(read(t, ".github/workflows/release.yml")), &workflow); err != nil {
		t.Fatal(err)
	}
	return workflow.Jobs
}

// Whatever the release's workflow publishes, it has attested before; the job that does so may sign and keep that.
func TestPublishedFilesAreAttested(t *testing.T) {
	t.Parallel()
	release := regexp.MustCompile(`gh release create (?:[^\\\n]|\\\n)+`)
	published := 0
	for name, job := range releaseJobs(t) {
		var attested []string
		for _, step := range job.Steps {
			if strings.HasPrefix(step.Uses, "actions/attest-build-provenance@") {
				attested = append(attested, strings.Fields(step.With["subject-path"])...)
			}
			command := release.FindString(step.Run)
			if command == "" {
				continue
			}
			published++
			words := strings.Fields(command)
			if files := words[len(words)-1:]; !slices.Equal(attested, files) {
				t.Errorf("job %s publishes %q, and attests %q before", name, files, attested)
			}
			for _, permission := range []string{"id-token", "attestations"} {
				if job.Permissions[permission] != "write" {
					t.Errorf("job %s has the permissions %q", name, slices.Sorted(maps.Keys(job.Permissions)))
				}
			}
		}
	}
	if published != 1 {
		t.Errorf("%d steps publish files", published)
	}
}
