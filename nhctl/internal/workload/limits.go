package workload

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// Limits are what a namespace's LimitRanges ask of each container and of a pod as a whole.
type Limits struct{ Container, Pod Bounds }

// Bounds are the least request, the greatest limit, and how many times its request a limit may be.
type Bounds struct{ Min, Max, Ratio corev1.ResourceList }

// LimitsOf are the limits of all LimitRanges together: the narrowest of each count.
func LimitsOf(ranges []corev1.LimitRange) (l Limits) {
	for _, r := range ranges {
		for _, item := range r.Spec.Limits {
			b := l.of(string(item.Type))
			if b == nil {
				continue
			}
			for name, q := range item.Min {
				b.narrow(&b.Min, name, q, 1)
			}
			for name, q := range item.Max {
				b.narrow(&b.Max, name, q, -1)
			}
			for name, q := range item.MaxLimitRequestRatio {
				b.narrow(&b.Ratio, name, q, -1)
			}
		}
	}
	return l
}

func (l *Limits) of(kind string) *Bounds {
	switch corev1.LimitType(kind) {
	case corev1.LimitTypeContainer:
		return &l.Container
	case corev1.LimitTypePod:
		return &l.Pod
	}
	return nil
}

// narrow takes a quantity that is above the known one, or for a negative way below it.
func (b *Bounds) narrow(list *corev1.ResourceList, name corev1.ResourceName, q resource.Quantity, way int) bool {
	if known, ok := (*list)[name]; ok && q.Cmp(known)*way <= 0 {
		return false
	}
	if *list == nil {
		*list = corev1.ResourceList{}
	}
	(*list)[name] = q
	return true
}

// What the API server says of a pod that breaks a LimitRange. The texts are the same in all of its versions.
var (
	refusedUsage = regexp.MustCompile(`(minimum|maximum) (\S+) usage per (Container|Pod) is (\d+(?:\.\d+)?[A-Za-z]*)`)
	refusedRatio = regexp.MustCompile(
		`(\S+) max limit to request ratio per (Container|Pod) is (\d+(?:\.\d+)?[A-Za-z]*)`)
)

// Learn takes limits from the refusal of a pod, for who may not read LimitRanges, and says whether it had any that were
// not known.
func (l *Limits) Learn(refusal string) (learned bool) {
	for _, m := range refusedUsage.FindAllStringSubmatch(refusal, -1) {
		q, err := resource.ParseQuantity(m[4])
		if err != nil {
			continue
		}
		b, name := l.of(m[3]), corev1.ResourceName(m[2])
		if m[1] == "minimum" {
			learned = b.narrow(&b.Min, name, q, 1) || learned
		} else {
			learned = b.narrow(&b.Max, name, q, -1) || learned
		}
	}
	for _, m := range refusedRatio.FindAllStringSubmatch(refusal, -1) {
		if q, err := resource.ParseQuantity(m[3]); err == nil {
			b := l.of(m[2])
			learned = b.narrow(&b.Ratio, corev1.ResourceName(strings.TrimLeft(m[1], "[")), q, -1) || learned
		}
	}
	return learned
}

// Retry has a pod created within the limits. As long as the refusal names limits that were not known, it takes them and
// tries again.
func (l *Limits) Retry(create func(Limits) error) error {
	err := create(*l)
	for err != nil && l.Learn(err.Error()) {
		err = create(*l)
	}
	return err
}

// Own says whether a container of a twin is nhctl's, and not the workload's.
func Own(container string) bool {
	return container == contract.SidecarContainer || container == contract.PlantContainer ||
		container == contract.ParentsContainer || strings.HasPrefix(container, contract.SeedContainer)
}

// Fit has nhctl's own containers of a twin keep the namespace's limits. Quantities that the config sets stay as they
// are.
func Fit(twin *appsv1.Deployment, l Limits, set corev1.ResourceRequirements) *appsv1.Deployment {
	fitted := twin.DeepCopy()
	spec := &fitted.Spec.Template.Spec
	for i := range spec.InitContainers {
		if c := &spec.InitContainers[i]; Own(c.Name) {
			c.Resources = l.fit(c.Resources, set, nil)
		}
	}
	if c := container(*spec, contract.SidecarContainer); c != nil {
		others := slices.DeleteFunc(slices.Clone(spec.Containers),
			func(o corev1.Container) bool { return o.Name == c.Name })
		c.Resources = l.fit(c.Resources, set, others)
	}
	return fitted
}

// Resources are those of a container alone in its pod, within the limits.
func (l Limits) Resources(r corev1.ResourceRequirements) corev1.ResourceRequirements {
	return l.fit(r, corev1.ResourceRequirements{}, nil)
}

// fit changes as little as it can: limits fall to what is allowed, and requests rise where there is no other way.
func (l Limits) fit(r, set corev1.ResourceRequirements, others []corev1.Container) corev1.ResourceRequirements {
	r = *r.DeepCopy()
	for _, name := range [...]corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		request, requested := r.Requests[name]
		limit, limited := r.Limits[name]
		if !requested || !limited {
			continue
		}
		room := l.room(name, others)
		fittedRequest, fittedLimit := room.fit(amount(name, request), amount(name, limit))
		if _, fixed := set.Requests[name]; !fixed && fittedRequest != amount(name, request) {
			r.Requests[name] = quantity(name, fittedRequest)
		}
		if _, fixed := set.Limits[name]; !fixed && fittedLimit != amount(name, limit) {
			r.Limits[name] = quantity(name, fittedLimit)
		}
	}
	return r
}

// amount is a quantity as a whole number: thousandths of a CPU, or bytes.
func amount(name corev1.ResourceName, q resource.Quantity) int64 {
	if name == corev1.ResourceCPU {
		return q.MilliValue()
	}
	return q.Value()
}

func quantity(name corev1.ResourceName, n int64) resource.Quantity {
	if name == corev1.ResourceCPU {
		return *resource.NewMilliQuantity(n, resource.DecimalSI)
	}
	return *resource.NewQuantity(n, resource.BinarySI)
}

// Breaches names the workload's containers that break the limits, each with what to write. Ours are among them where
// they can't fit.
func (l Limits) Breaches(spec corev1.PodSpec) (texts []string) {
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		for _, name := range [...]corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
			texts = append(texts,
				l.Container.breaches("container "+c.Name, name, c.Resources.Requests, c.Resources.Limits)...)
		}
	}
	requests, limits := corev1.ResourceList{}, corev1.ResourceList{}
	for _, name := range [...]corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		sum := total(name, spec.Containers)
		requests[name], limits[name] = quantity(name, sum.request), quantity(name, sum.limit)
		texts = append(texts, l.Pod.breaches("all containers together", name, requests, limits)...)
	}
	return texts
}

// breaches looks at what is given: the server has defaults for the rest.
func (b Bounds) breaches(who string, name corev1.ResourceName, requests, limits corev1.ResourceList) (texts []string) {
	request, requested := requests[name]
	limit, limited := limits[name]
	if least, ok := b.Min[name]; ok && (requested && request.Cmp(least) < 0 || limited && limit.Cmp(least) < 0) {
		texts = append(texts, fmt.Sprintf("%s: %s must be %s at least, and its request is %s", who, name,
			least.String(), request.String()))
	}
	if most, ok := b.Max[name]; ok && (limited && limit.Cmp(most) > 0 || requested && request.Cmp(most) > 0) {
		texts = append(texts,
			fmt.Sprintf("%s: %s may be %s at most, and its limit is %s", who, name, most.String(), limit.String()))
	}
	ratio := b.Ratio[name]
	if requested && limited && over(amount(name, request), amount(name, limit), ratio.MilliValue()) {
		texts = append(texts,
			fmt.Sprintf("%s: the %s limit may be %s times the request at most, and they are %s and %s",
				who, name, ratio.String(), limit.String(), request.String()))
	}
	return texts
}
