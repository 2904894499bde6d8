package workload

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

func TestParseRef(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"web": "deployment/web", "deploy/web": "deployment/web", "Deployments.apps/web": "deployment/web",
		"sts/db": "statefulset/db", "ds/agent": "daemonset/agent",
		"rs/web": "replicaset/web", "job/init": "job/init", "jobs.batch/init": "job/init",
		"cj/report": "cronjob/report", "po/shell": "pod/shell",
		"Rollouts.v1alpha1.argoproj.io/web": "rollouts.v1alpha1.argoproj.io/web", "web/": "", "a/b/c": "",
		"thing/web": "", "rollouts.argoproj.io/web": "", "": "",
	} {
		ref, err := ParseRef(text)
		if want == "" && err == nil || want != "" && (err != nil || ref.String() != want) {
			t.Errorf("%q: %v, %v; want %q", text, ref, err, want)
		}
	}
}

func TestResource(t *testing.T) {
	t.Parallel()
	for kind, want := range map[Kind]string{
		Deployment: "apps/v1, Resource=deployments", CronJob: "batch/v1, Resource=cronjobs", Pod: "/v1, Resource=pods",
		"rollouts.v1alpha1.argoproj.io": "argoproj.io/v1alpha1, Resource=rollouts",
	} {
		if got := kind.Resource().String(); got != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
	}
}

// object is a workload as the API server has it.
func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	data, err := yaml.YAMLToJSON([]byte(text))
	if err == nil {
		err = o.UnmarshalJSON(data)
	}
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func untyped(t *testing.T, o any) *unstructured.Unstructured {
	t.Helper()
	m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		t.Fatal(err)
	}
	return &unstructured.Unstructured{Object: m}
}

func TestPatchesOfParking(t *testing.T) {
	t.Parallel()
	three, before := int32(3), Before{Replicas: 3}
	meta := metav1.ObjectMeta{ResourceVersion: "42", Labels: map[string]string{"nhctl.dev/session": "s1"}}
	const parked = `{"metadata":{"labels":{"nhctl.dev/session":"s1"},"resourceVersion":"42"},"spec":`
	const unlabelled = `[{"op":"test","path":"/metadata/labels/nhctl.dev~1session","value":"s1"},{"op":"remove",` +
		`"path":"/metadata/labels/nhctl.dev~1session"},`
	node := appsv1.DaemonSet{ObjectMeta: meta}
	node.Spec.Template.Spec.NodeSelector = map[string]string{"nhctl.dev/session": "parked"}
	nodes := *node.DeepCopy()
	nodes.Spec.Template.Spec.NodeSelector["disk"] = "ssd"
	for name, tt := range map[string]struct {
		kind         Kind
		object       any
		before       Before
		park, unpark string
	}{
		"deployment": {Deployment, &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Replicas: &three}},
			before, `{"replicas":0}}`,
			`{"op":"test","path":"/spec/replicas","value":0},{"op":"replace","path":"/spec/replicas","value":3}]`},
		"statefulset of which two go on": {StatefulSet, &appsv1.StatefulSet{ObjectMeta: meta},
			Before{Replicas: 3, Kept: 2}, `{"replicas":2}}`,
			`{"op":"test","path":"/spec/replicas","value":2},{"op":"replace","path":"/spec/replicas","value":3}]`},
		"job": {Job, &batchv1.Job{ObjectMeta: meta}, before, `{"suspend":true}}`,
			`{"op":"test","path":"/spec/suspend","value":true},{"op":"replace","path":"/spec/suspend","value":false}]`},
		"cronjob that was suspended": {CronJob, &batchv1.CronJob{ObjectMeta: meta}, Before{Suspended: true},
			`{"suspend":true}}`,
			`{"op":"test","path":"/spec/suspend","value":true},{"op":"replace","path":"/spec/suspend","value":true}]`},
		"daemonset": {DaemonSet, &node, before,
			`{"template":{"spec":{"nodeSelector":{"nhctl.dev/session":"parked"}}}}}`,
			`{"op":"test","path":"/spec/template/spec/nodeSelector","value":{"nhctl.dev/session":"parked"}},` +
				`{"op":"remove","path":"/spec/template/spec/nodeSelector"}]`},
		"daemonset of some nodes": {DaemonSet, &nodes, before,
			`{"template":{"spec":{"nodeSelector":{"nhctl.dev/session":"parked"}}}}}`,
			`{"op":"test","path":"/spec/template/spec/nodeSelector/nhctl.dev~1session","value":"parked"},` +
				`{"op":"remove","path":"/spec/template/spec/nodeSelector/nhctl.dev~1session"}]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := untyped(t, tt.object)
			park, err := ParkPatch(tt.kind, o, "s1", tt.before)
			if err != nil {
				t.Fatal(err)
			}
			unpark, err := UnparkPatch(tt.kind, o, "s1", tt.before)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{parked + tt.park, unlabelled + tt.unpark},
				[]string{string(park), string(unpark)}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFreed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind   Kind
		before Before
		object string
		want   string
	}{
		{Deployment, Before{Replicas: 3}, "{kind: Deployment, spec: {replicas: 0}}", ""},
		{Deployment, Before{Replicas: 3}, "{kind: Deployment, spec: {replicas: 2}}",
			"someone scaled deployment/it to 2"},
		{StatefulSet, Before{Replicas: 3, Kept: 2}, "{kind: StatefulSet, spec: {replicas: 2}}", ""},
		{StatefulSet, Before{Replicas: 3, Kept: 2}, "{kind: StatefulSet, spec: {replicas: 0}}",
			"someone scaled statefulset/it to 0"},
		{Job, Before{}, "{kind: Job, spec: {suspend: true}}", ""},
		{CronJob, Before{}, "{kind: CronJob, spec: {suspend: false}}", "someone resumed cronjob/it"},
		{DaemonSet, Before{},
			"{kind: DaemonSet, spec: {template: {spec: {nodeSelector: {nhctl.dev/session: parked}}}}}", ""},
		{DaemonSet, Before{}, "{kind: DaemonSet, spec: {template: {spec: {}}}}",
			"someone gave daemonset/it its nodes again"},
	} {
		if got := Freed(Ref{tt.kind, "it"}, object(t, tt.object), tt.before); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.object, got, tt.want)
		}
	}
}

func TestReadAndRefuse(t *testing.T) {
	t.Parallel()
	const spec = "containers: [{name: main, image: web:1}]"
	for name, tt := range map[string]struct {
		kind                     Kind
		object, path             string
		read, replace, duplicate string
	}{
		"deployment": {Deployment, "{kind: Deployment, spec: {template: {spec: {" + spec + "}}}}", "", "", "",
			""},
		"cronjob": {CronJob,
			"{kind: CronJob, spec: {jobTemplate: {spec: {template: {spec: {" + spec + "}}}}}}", "", "", "", ""},
		"pod": {Pod, "{kind: Pod, spec: {" + spec + "}}", "", "", "", ""},
		"custom": {"gadgets.v1.example.com",
			"{kind: Gadget, spec: {worker: {template: {spec: {" + spec + "}}}}}", "spec.worker.template", "", "", ""},
		"template nowhere": {"gadgets.v1.example.com", "{kind: Gadget, spec: {workloadRef: {name: web}}}", "",
			"has no pod template at spec.template", "", ""},
		"owned": {ReplicaSet, "{kind: ReplicaSet, metadata: {ownerReferences: [{kind: Deployment, name: web, " +
			"controller: true}]}, spec: {template: {spec: {" + spec + "}}}}", "", "",
			"belongs to Deployment web", ""},
		"twin": {Deployment,
			"{kind: Deployment, metadata: {labels: {nhctl.dev/role: twin}}, spec: {template: {spec: {" + spec + "}}}}",
			"", "", "is a twin", "is a twin"},
		"going": {Deployment, "{kind: Deployment, metadata: {deletionTimestamp: '2024-05-01T12:00:00Z'}, " +
			"spec: {template: {spec: {" + spec + "}}}}", "", "", "is being deleted", "is being deleted"},
		"claims deleted": {StatefulSet, "{kind: StatefulSet, spec: {persistentVolumeClaimRetentionPolicy: " +
			"{whenScaled: Delete}, template: {spec: {" + spec + "}}}}", "", "", "deletes the claims", ""},
		"finished job": {Job, "{kind: Job, spec: {template: {spec: {" + spec +
			"}}}, status: {conditions: [{type: Complete, status: 'True'}]}}", "", "", "has finished", ""},
		"queued job": {Job, "{kind: Job, spec: {suspend: true, template: {spec: {" + spec + "}}}}", "", "",
			"is suspended", ""},
		"of the cluster": {DaemonSet,
			"{kind: DaemonSet, metadata: {namespace: kube-system}, spec: {template: {spec: {" + spec + "}}}}", "", "",
			"serves the whole cluster", ""},
		"daemonset": {DaemonSet, "{kind: DaemonSet, spec: {template: {spec: {" + spec + "}}}}", "", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, err := Read(Ref{tt.kind, "it"}, object(t, tt.object), tt.path)
			if tt.read != "" {
				if err == nil || !strings.Contains(err.Error(), tt.read) {
					t.Errorf("%v, want %q in it", err, tt.read)
				}
				return
			}
			if err != nil || o.Template.Spec.Containers[0].Image != "web:1" {
				t.Fatalf("%+v, %v", o, err)
			}
			for duplicate, want := range map[bool]string{false: tt.replace, true: tt.duplicate} {
				p := o.Refuse(duplicate)
				if (p == nil) != (want == "") || p != nil &&
					(!strings.Contains(p.Message, want) || p.Hint == "" || p.Code != problem.Refused) {
					t.Errorf("duplicate %v: %+v, want %q", duplicate, p, want)
				}
			}
		})
	}
}

// A StatefulSet's twin is one certain pod: its name in the network, its labels, its claims.
func TestChoose(t *testing.T) {
	t.Parallel()
	const set = `
kind: StatefulSet
spec:
  replicas: 3
  serviceName: dbs
  ordinals: {start: 5}
  volumeClaimTemplates: [{metadata: {name: data}}]
  template:
    spec:
      containers: [{name: main, image: db:1}]
      volumes: [{name: data, emptyDir: {}}, {name: tmp, emptyDir: {}}]`
	five, eight := 5, 8
	type chosen struct {
		Kept                int32
		Hostname, Subdomain string
		Labels              map[string]string
		Claim               string
	}
	for name, tt := range map[string]struct {
		ordinal        *int
		all, duplicate bool
		want           chosen
		failure        string
	}{
		"the highest": {want: chosen{2, "db-7", "dbs", map[string]string{"statefulset.kubernetes.io/pod-name": "db-7",
			"apps.kubernetes.io/pod-index": "7"}, "data-db-7"}},
		"the lowest": {ordinal: &five, want: chosen{0, "db-5", "dbs",
			map[string]string{"statefulset.kubernetes.io/pod-name": "db-5", "apps.kubernetes.io/pod-index": "5"},
			"data-db-5"}},
		"all": {all: true, want: chosen{0, "db-7", "dbs",
			map[string]string{"statefulset.kubernetes.io/pod-name": "db-7", "apps.kubernetes.io/pod-index": "7"},
			"data-db-7"}},
		"duplicate":     {duplicate: true, want: chosen{Kept: 2, Claim: "data-db-7"}},
		"there is none": {ordinal: &eight, failure: "has no pod 8: its ordinals go from 5 to 7"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, err := Read(Ref{StatefulSet, "db"}, object(t, set), "")
			if err == nil {
				err = o.Choose(tt.ordinal, tt.all, tt.duplicate)
			}
			if tt.failure != "" {
				if err == nil || !strings.Contains(err.Error(), tt.failure) {
					t.Errorf("%v, want %q in it", err, tt.failure)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			spec := o.Template.Spec
			got := chosen{o.Kept, spec.Hostname, spec.Subdomain, o.Identity,
				spec.Volumes[1].PersistentVolumeClaim.ClaimName}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	web, err := Read(Ref{Deployment, "web"},
		object(t, "{kind: Deployment, spec: {template: {spec: {containers: [{name: main}]}}}}"), "")
	if err == nil {
		err = web.Choose(&five, false, false)
	}
	if err == nil || problem.From(err).Code != problem.Usage {
		t.Errorf("a Deployment with an ordinal: %v", err)
	}
}

// A pod is created again from what its author wrote, as far as that can be known.
func TestManifest(t *testing.T) {
	t.Parallel()
	pod := object(t, `
apiVersion: v1
kind: Pod
metadata:
  name: it
  namespace: shop
  uid: u
  resourceVersion: "7"
  labels: {app: it}
  managedFields: [{manager: kubectl}]
spec:
  nodeName: n1
  ofANewerKubernetes: {level: 9007199254740993}
  containers:
  - name: main
    alsoNew: true
    volumeMounts:
    - {name: tmp, mountPath: /tmp}
    - {name: kube-api-access-x7, mountPath: /var/run/secrets/kubernetes.io/serviceaccount}
  ephemeralContainers: [{name: debugger}]
  volumes: [{name: tmp, emptyDir: {}}, {name: kube-api-access-x7}]
status: {phase: Running}`)
	before := pod.DeepCopy()
	want := object(t, `
apiVersion: v1
kind: Pod
metadata: {name: it, namespace: shop, labels: {app: it}}
spec:
  ofANewerKubernetes: {level: 9007199254740993}
  containers:
  - {name: main, alsoNew: true, volumeMounts: [{name: tmp, mountPath: /tmp}]}
  volumes: [{name: tmp, emptyDir: {}}]`)
	if diff := cmp.Diff(want, Manifest(pod)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(before, pod); diff != "" {
		t.Errorf("the pod itself was changed:\n%s", diff)
	}
}
