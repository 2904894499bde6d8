package workload

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/nhctl/nhctl/sidecar/contract"
)

func list(cpu, memory string) corev1.ResourceList {
	l := corev1.ResourceList{}
	if cpu != "" {
		l[corev1.ResourceCPU] = resource.MustParse(cpu)
	}
	if memory != "" {
		l[corev1.ResourceMemory] = resource.MustParse(memory)
	}
	return l
}

func shown(r corev1.ResourceRequirements) string {
	return fmt.Sprint(r.Requests.Cpu(), " ", r.Requests.Memory(), " ", r.Limits.Cpu(), " ", r.Limits.Memory())
}

// The sidecar's own resources in the limits that namespaces have.
func TestResourcesWithinLimits(t *testing.T) {
	t.Parallel()
	sidecar := quantities("10m", "64Mi", "2", "256Mi")
	for name, tt := range map[string]struct {
		limits Limits
		want   string
	}{
		"none":             {Limits{}, "10m 64Mi 2 256Mi"},
		"a least request":  {Limits{Container: Bounds{Min: list("50m", "96Mi")}}, "50m 96Mi 2 256Mi"},
		"a greatest limit": {Limits{Container: Bounds{Max: list("500m", "128Mi")}}, "10m 64Mi 500m 128Mi"},
		"ratios":           {Limits{Container: Bounds{Ratio: list("4", "2")}}, "125m 128Mi 500m 256Mi"},
		"all of them": {
			Limits{Container: Bounds{Min: list("50m", "64Mi"), Max: list("1", "512Mi"), Ratio: list("4", "2")}},
			"125m 128Mi 500m 256Mi",
		},
		"a ratio of one":   {Limits{Container: Bounds{Ratio: list("1", "1")}}, "500m 256Mi 500m 256Mi"},
		"a great least":    {Limits{Container: Bounds{Min: list("3", "1Gi")}}, "3 1Gi 3 1Gi"},
		"a pod's greatest": {Limits{Pod: Bounds{Max: list("1", "200Mi")}}, "10m 64Mi 1 200Mi"},
		"a pod's least":    {Limits{Pod: Bounds{Min: list("1", "1Gi")}}, "1 1Gi 2 1Gi"},
	} {
		if got := shown(tt.limits.Resources(sidecar)); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// random are limits that some pod can keep.
func random(r *rand.Rand) Limits {
	bounds := func(scale int64) Bounds {
		b := Bounds{Min: corev1.ResourceList{}, Max: corev1.ResourceList{}, Ratio: corev1.ResourceList{}}
		for name, unit := range map[corev1.ResourceName]int64{corev1.ResourceCPU: 10, corev1.ResourceMemory: 8 << 20} {
			least := 1 + r.Int64N(40)
			if r.IntN(2) == 0 {
				b.Min[name] = quantity(name, least*unit*scale)
			}
			if r.IntN(2) == 0 {
				b.Max[name] = quantity(name, (least+r.Int64N(200))*unit*scale)
			}
			if r.IntN(2) == 0 {
				b.Ratio[name] = *resource.NewMilliQuantity(1000+r.Int64N(9000), resource.DecimalSI)
			}
		}
		return b
	}
	l := Limits{Container: bounds(1)}
	if r.IntN(2) == 0 {
		l.Pod = Bounds{Ratio: bounds(1).Ratio}
	}
	return l
}

// Whatever the limits are, nhctl's containers keep them, stay as they are where that is allowed, and fitting again
// changes nothing.
func TestFitKeepsAnyLimits(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5000) {
		r := rand.New(rand.NewPCG(seed, 1))
		l := random(r)
		for _, own := range []corev1.ResourceRequirements{quantities("10m", "64Mi", "2", "256Mi"),
			quantities("10m", "64Mi", "1", "128Mi")} {
			fitted := l.Resources(own)
			spec := corev1.PodSpec{Containers: []corev1.Container{{Name: "own", Resources: fitted}}}
			if broken := l.Breaches(spec); len(broken) > 0 {
				t.Fatalf("seed %d: %+v: %s: %s", seed, l, shown(fitted), broken)
			}
			if again := l.Resources(fitted); shown(again) != shown(fitted) {
				t.Fatalf("seed %d: %s, again %s", seed, shown(fitted), shown(again))
			}
			before := corev1.PodSpec{Containers: []corev1.Container{{Resources: own}}}
			if len(l.Breaches(before)) == 0 && shown(own) != shown(fitted) {
				t.Fatalf("seed %d: %s was allowed, and became %s", seed, shown(own), shown(fitted))
			}
			for name, request := range fitted.Requests {
				if limit := fitted.Limits[name]; request.Cmp(limit) > 0 {
					t.Fatalf("seed %d: %s", seed, shown(fitted))
				}
			}
		}
	}
}

func TestLimitsOf(t *testing.T) {
	t.Parallel()
	ranges := []corev1.LimitRange{
		{Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{
			{Type: corev1.LimitTypeContainer, Min: list("50m", ""), Max: list("2", "1Gi")},
			{Type: corev1.LimitTypePersistentVolumeClaim,
				Max: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		}}},
		{Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{
			{Type: corev1.LimitTypeContainer, Min: list("20m", "64Mi"), Max: list("1", "2Gi")},
			{Type: corev1.LimitTypePod, MaxLimitRequestRatio: list("4", "")},
		}}},
	}
	want := Limits{Container: Bounds{Min: list("50m", "64Mi"), Max: list("1", "1Gi")},
		Pod: Bounds{Ratio: list("4", "")}}
	if diff := cmp.Diff(want, LimitsOf(ranges)); diff != "" {
		t.Error(diff)
	}
}

// What the API server says, word for word.
func TestLearn(t *testing.T) {
	t.Parallel()
	const refusal = `pods "web-nhctl-1" is forbidden: [minimum cpu usage per Container is 50m, but request is 10m, ` +
		`cpu max limit to request ratio per Container is 4, but provided ratio is 100.000000, ` +
		`maximum cpu usage per Container is 1, but limit is 2, memory max limit to request ratio per Container is ` +
		`1.5, but provided ratio is 4.000000, ` +
		`maximum memory usage per Pod is 512Mi.  No limit is specified, minimum memory usage per Pod is 64Mi.  No ` +
		`request is specified]`
	var l Limits
	if !l.Learn(refusal) {
		t.Error("nothing learned")
	}
	want := Limits{
		Container: Bounds{Min: list("50m", ""), Max: list("1", ""), Ratio: list("4", "1.5")},
		Pod:       Bounds{Min: list("", "64Mi"), Max: list("", "512Mi")},
	}
	if diff := cmp.Diff(want, l); diff != "" {
		t.Error(diff)
	}
	if l.Learn(refusal) || l.Learn(`pods "x" is forbidden: exceeded quota: q`) {
		t.Error("the same, or nothing, was learned again")
	}
	if !l.Learn("memory max limit to request ratio per Container is 1, but provided ratio is 1.2") {
		t.Error("the first of a list is not learned")
	}
}

func TestFit(t *testing.T) {
	t.Parallel()
	s := settings()
	s.Seed = true
	twin, err := Twin(withMounts(), s)
	if err != nil {
		t.Fatal(err)
	}
	limits := Limits{Container: Bounds{Min: list("50m", "64Mi"), Max: list("1", "512Mi"), Ratio: list("4", "2")}}
	fitted := Fit(twin, limits, corev1.ResourceRequirements{})
	pod := fitted.Spec.Template.Spec
	own := 0
	for _, c := range append(pod.InitContainers, pod.Containers...) {
		if strings.HasPrefix(c.Name, "nhctl-") {
			own++
			if !Own(c.Name) {
				t.Errorf("%s is one of nhctl's own", c.Name)
			}
		}
		if broken := limits.Container.breaches(c.Name, corev1.ResourceMemory, c.Resources.Requests,
			c.Resources.Limits); Own(c.Name) && len(broken) > 0 {
			t.Error(broken)
		}
		if original := container(twin.Spec.Template.Spec, c.Name); original != nil && !Own(c.Name) &&
			cmp.Diff(*original, c) != "" {
			t.Errorf("container %s of the workload was changed", c.Name)
		}
	}
	if own != 4 {
		t.Errorf("%d containers of nhctl's own", own)
	}
	// What the config sets stays, and is named where it breaks the limits.
	set := corev1.ResourceRequirements{Limits: list("", "1Gi")}
	s.SidecarResources = set
	if twin, err = Twin(withMounts(), s); err != nil {
		t.Fatal(err)
	}
	parents := twin.Spec.Template.Spec.InitContainers[1]
	if parents.Name != contract.ParentsContainer || shown(parents.Resources) != "10m 64Mi 1 1Gi" {
		t.Errorf("%s has %s", parents.Name, shown(parents.Resources))
	}
	got := container(Fit(twin, limits, set).Spec.Template.Spec, contract.SidecarContainer).Resources
	if shown(got) != "125m 256Mi 500m 1Gi" {
		t.Error(shown(got))
	}
	broken := strings.Join(limits.Breaches(Fit(twin, limits, set).Spec.Template.Spec), "\n")
	if !strings.Contains(broken,
		"container "+contract.SidecarContainer+": memory may be 512Mi at most, and its limit is 1Gi") {
		t.Error(broken)
	}
}
