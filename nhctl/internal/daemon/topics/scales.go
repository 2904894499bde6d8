package topics

import (
	"context"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// scales are those of custom resources that sessions replace. Which of their fields has the replicas is known to the
// cluster alone, so the scale subresource is asked for, as dev mode does, whenever the resource changes.
type scales struct {
	client *kube.Client
	known  map[workload.Ref]scale
}

// scale is what was known of one.
type scale struct {
	of       string // the state of the object that it belongs to
	replicas int64
	failed   bool
	at       time.Time
}

// scaleLimit limits how long updates wait for scales.
const scaleLimit = 2 * time.Second

// read gives a namespace the scales that it needs. One that can't be read is left out, and asked for again after a
// while.
func (s *scales) read(ctx context.Context, n *namespace) {
	ctx, cancel := context.WithTimeout(ctx, scaleLimit)
	defer cancel()
	known := map[workload.Ref]scale{}
	n.replicas = map[workload.Ref]int64{}
	for _, r := range n.records {
		object := n.object(r.Workload)
		if !r.Workload.Kind.Custom() || !replaced(r) || object == nil || object.GetUID() != r.UID {
			continue
		}
		now, found := s.known[r.Workload]
		if !found || now.of != stateOf(object) || now.failed && time.Since(now.at) >= kube.PollInterval {
			_, replicas, err := s.client.Scale(ctx, r.Workload.Kind.Resource(), r.Namespace, r.Workload.Name)
			now = scale{
				of:       stateOf(object),
				replicas: replicas,
				failed:   err != nil,
				at:       time.Now(),
			}
		}
		known[r.Workload] = now
		if !now.failed {
			n.replicas[r.Workload] = now.replicas
		}
	}
	s.known = known
}

// stateOf names what an object asks for. A change of its status alone, which most controllers write often, is none.
func stateOf(object *unstructured.Unstructured) string {
	state := strconv.FormatInt(object.GetGeneration(), 10)
	if object.GetGeneration() == 0 { // not every API server counts
		state = object.GetResourceVersion()
	}
	return string(object.GetUID()) + " " + state
}

// replaced says whether a session stands in for its workload.
func replaced(r record.Record) bool { return r.Mode == record.Replace && r.Phase == record.Active }

// object is a workload as it is in the cluster; nil where it is not seen.
func (n *namespace) object(ref workload.Ref) *unstructured.Unstructured {
	for _, object := range n.objects[ref.Kind] {
		if object.GetName() == ref.Name {
			return object
		}
	}
	return nil
}
