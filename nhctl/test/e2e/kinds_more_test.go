//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// What dev mode can't do with a kind is refused with the reason and a way out, and changes nothing.
func TestKindRefusals(t *testing.T) {
	t.Parallel()
	manifests := kindManifests()
	for name, tt := range map[string]struct {
		kind, manifest string
		args, want     []string
		ready          int
	}{
		"owned ReplicaSet": {
			kind:  "deployment",
			args:  []string{"rs/OWNED"},
			want:  []string{"belongs to Deployment it", "--mode duplicate"},
			ready: 1,
		},
		"claims that parking deletes": {
			kind: "statefulset",
			manifest: strings.Replace(manifests["statefulset"], "serviceName: it",
				"serviceName: it\n  persistentVolumeClaimRetentionPolicy: {whenScaled: Delete}", 1),
			args:  []string{"sts/it"},
			want:  []string{"whenScaled", "--mode duplicate"},
			ready: 2,
		},
		"ordinal that is none": {
			kind:  "statefulset",
			args:  []string{"sts/it", "--ordinal", "5"},
			want:  []string{"no pod 5: its ordinals go from 0 to 1"},
			ready: 2,
		},
		"ordinal of a Deployment": {
			kind:  "deployment",
			args:  []string{"it", "--ordinal", "0"},
			want:  []string{"has no ordinals"},
			ready: 1,
		},
		"DaemonSet without a yes": {
			kind:  "daemonset",
			args:  []string{"ds/it", "--mode", "replace"},
			want:  []string{"stop on every node", "--yes"},
			ready: 1,
		},
		"Job without a yes": {
			kind:  "job",
			args:  []string{"job/it"},
			want:  []string{"starts from scratch", "--yes"},
			ready: 1,
		},
		"finished Job": {
			kind:     "job",
			manifest: strings.Replace(manifests["job"], `[sleep, "100000"]`, `["true"]`, 1),
			args:     []string{"job/it", "--yes"},
			want:     []string{"has finished"},
		},
		"kind that the cluster lacks": {
			kind:  "pod",
			args:  []string{"widgets.v1.example.com/it"},
			want:  []string{"widgets"},
			ready: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := shared.namespace(t)
			if tt.manifest == "" {
				tt.manifest = manifests[tt.kind]
			}
			shared.create(t, ns, []byte(tt.manifest))
			if tt.ready > 0 {
				shared.settled(t, ns, tt.ready)
			} else {
				eventually(t, time.Minute, "the Job is complete", func(ctx context.Context) error {
					job, err := shared.typed.BatchV1().Jobs(ns).Get(ctx, "it", metav1.GetOptions{})
					if err == nil && job.Status.Succeeded == 0 {
						err = fmt.Errorf("%+v", job.Status)
					}
					return err
				})
			}
			sets, err := shared.typed.AppsV1().ReplicaSets(ns).List(t.Context(), metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if len(sets.Items) > 0 {
				tt.args[0] = strings.Replace(tt.args[0], "OWNED", sets.Items[0].Name, 1)
			}
			dev := shared.developer(t, ns)
			src := filepath.Join(dev.home, "src")
			write(t, filepath.Join(src, "hello.txt"), "hello\n")
			before := shared.mustSnapshot(t, ns)
			r := dev.nhctl(src, append([]string{"dev", "start", "--dir", src, "--image", "ghcr.io/nhctl/dev-go:v0.1.0",
				"--no-terminal"}, tt.args...)...)
			if r.code == 0 || !strings.Contains(r.stderr, "hint:") && !strings.Contains(r.stderr, "ordinals go") {
				t.Errorf("%s", r)
			}
			for _, want := range tt.want {
				if !strings.Contains(r.stderr, want) {
					t.Errorf("no %q in %s", want, r)
				}
			}
			shared.restored(t, ns, before)
		})
	}
}

// Dependencies that are down are named, and nothing is left of the start.
func TestDependenciesAreDown(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ depend, want string }{
		"pods": {"pods: [app=nowhere]", "no pod with app=nowhere is ready"},
		"jobs": {"jobs: [job-name=nowhere]", "no Job with job-name=nowhere is complete"},
		"tcp":  {`tcp: ["nowhere:1"]`, "nowhere:1: "},
		"http": {`http: ["http://it/"]`, "http://it/: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := shared.namespace(t)
			shared.create(t, ns, []byte(kindManifests()["deployment"]))
			shared.settled(t, ns, 1)
			dev := shared.developer(t, ns)
			src := filepath.Join(dev.home, "src", "it")
			write(t, filepath.Join(src, ".dev", "config.yaml"), "name: it\ndependLabelSelector: {"+tt.depend+
				"}\ncontainers:\n- dev: {image: ghcr.io/nhctl/dev-go:v0.1.0}\n")
			before := shared.mustSnapshot(t, ns)
			r := dev.nhctl(src, "dev", "start", "--no-terminal", "--timeout", "20s")
			if r.code != 1 || !strings.Contains(r.stderr, "dependencies are not up: "+tt.want) {
				t.Errorf("%s", r)
			}
			shared.restored(t, ns, before)
		})
	}
}

// A CronJob's Jobs that run when it is parked stop with it, and start again with it.
func TestCronJobWithRunningJob(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	shared.create(t, ns, []byte(kindManifests()["cronjob"]))
	cron, err := shared.typed.BatchV1().CronJobs(ns).Get(t.Context(), "it", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "it-by-hand",
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(cron,
			batchv1.SchemeGroupVersion.WithKind("CronJob"))}},
		Spec: cron.Spec.JobTemplate.Spec}
	if _, err := shared.typed.BatchV1().Jobs(ns).Create(t.Context(), job, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	shared.settled(t, ns, 1)
	dev := shared.developer(t, ns)
	src := filepath.Join(dev.home, "src")
	write(t, filepath.Join(src, "hello.txt"), "hello\n")
	before := shared.mustSnapshot(t, ns)
	dev.must(src, "dev", "start", "cj/it", "--dir", src, "--image", "ghcr.io/nhctl/dev-go:v0.1.0", "--no-terminal")
	shared.settled(t, ns, 0)
	r := dev.nhctl(src, "dev", "end", "cronjob/it")
	if r.code != 0 || !strings.Contains(r.stderr, "a run that came due in the meantime may start at once") {
		t.Errorf("%s", r)
	}
	shared.restored(t, ns, before)
}

// A parked pod comes back even when the computer that parked it is gone, and one that someone made again in the
// meantime is left alone.
func TestPodEndsFromElsewhere(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	shared.create(t, ns, []byte(kindManifests()["pod"]))
	shared.settled(t, ns, 1)
	dev := shared.developer(t, ns)
	src := filepath.Join(dev.home, "src")
	write(t, filepath.Join(src, "hello.txt"), "hello\n")
	before := shared.mustSnapshot(t, ns)
	dev.must(src, "dev", "start", "pod/it", "--dir", src, "--image", "ghcr.io/nhctl/dev-go:v0.1.0", "--no-terminal")
	s := query[rpc.Session](dev, src, "dev", "status", "pod/it")
	dev.must(src, "daemon", "stop")
	elsewhere := shared.developerWith(t, randomName("dev-"), dev.kubeconfig)
	elsewhere.must("", "dev", "end", "--force", "--session", s.ID)
	shared.restored(t, ns, before)

	dev.nhctl(src, "dev", "list") // the first computer learns that its session is over
	dev.must(src, "dev", "start", "pod/it", "--dir", src, "--image", "ghcr.io/nhctl/dev-go:v0.1.0", "--no-terminal")
	shared.settled(t, ns, 0)
	shared.create(t, ns,
		[]byte(strings.Replace(kindManifests()["pod"], "labels: {app: it}", "labels: {app: it, by: colleague}", 1)))
	r := dev.nhctl(src, "dev", "end", "pod/it")
	if r.code != 0 || !strings.Contains(r.stderr, "someone created pod/it again") {
		t.Errorf("%s", r)
	}
	pod, err := shared.typed.CoreV1().Pods(ns).Get(t.Context(), "it", metav1.GetOptions{})
	if err != nil || pod.Labels["by"] != "colleague" {
		t.Errorf("%v, %v", pod.Labels, err)
	}
}

// A shell completes kinds, then the names of the kind that was typed, in the words that were typed.
func TestCompletionOfKinds(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	shared.create(t, ns, []byte(kindManifests()["statefulset"]))
	shared.create(t, ns, []byte(kindManifests()["deployment"]))
	dev := shared.developer(t, ns)
	for typed, want := range map[string]string{
		"": "it\n", "st": "sts/\nstatefulset/\n", "sts/": "sts/it\n", "statefulset/": "statefulset/it\n",
		"statefulsets.apps/": "statefulsets.apps/it\n", "deploy/": "deploy/it\n", "thing/": "",
	} {
		got := dev.must("", "__complete", "dev", "start", typed)
		got, _, _ = strings.Cut(got, ":")
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}
