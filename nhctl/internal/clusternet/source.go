package clusternet

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// maxLearned limits how many addresses answers of the cluster's own DNS may add.
const maxLearned = 4096

// resource is a kind of objects that show a cluster's network.
type resource int

const (
	services resource = iota
	endpointSlices
	pods
	serviceCIDRs
	resources // their number
)

func (r resource) gvr() schema.GroupVersionResource {
	return [...]schema.GroupVersionResource{
		services:       {Version: "v1", Resource: "services"},
		endpointSlices: {Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"},
		pods:           {Version: "v1", Resource: "pods"},
		serviceCIDRs:   {Group: "networking.k8s.io", Version: "v1", Resource: "servicecidrs"},
	}[r]
}

// Source keeps a Table up to date.
type Source struct {
	namespace string
	// all says that Services and EndpointSlices of all namespaces are followed.
	all     bool
	local   func() []netip.Prefix
	objects [resources]*kube.Objects
	running sync.WaitGroup

	mu    sync.Mutex
	stale bool
	table *Table
	// changed is closed at the next change, and then replaced.
	changed chan struct{}
	learned []netip.Addr
	rules   []rule // the user's
	// parsed is what the objects of the last table say; objects never change.
	parsed map[*unstructured.Unstructured]any
}

// Watch follows a cluster's network until ctx ends: in all namespaces where the caller may list them, else in their
// own. Local lists the computer's own networks.
func Watch(ctx context.Context, client *kube.Client, local func() []netip.Prefix) *Source {
	s := &Source{
		namespace: client.Namespace,
		local:     local,
		stale:     true,
		changed:   make(chan struct{}),
		parsed:    map[*unstructured.Unstructured]any{},
	}
	var asking errgroup.Group
	var ranges bool
	asking.Go(func() error {
		s.all = everywhere(ctx, client, services, endpointSlices)
		return nil
	})
	asking.Go(func() error {
		ranges = everywhere(ctx, client, serviceCIDRs)
		return nil
	})
	_ = asking.Wait() // none fails
	for r := range resources {
		s.objects[r] = kube.NewObjects(s.change)
		selection := kube.Selection{Resource: r.gvr(), Namespace: s.namespace}
		if s.all && r != pods || r == serviceCIDRs {
			selection.Namespace = ""
		}
		if r != serviceCIDRs || ranges { // nothing is asked for in vain
			s.running.Go(func() { client.Follow(ctx, selection, s.objects[r]) })
		}
	}
	return s
}

// Wait waits for the goroutines of Watch, once its context has ended.
func (s *Source) Wait() { s.running.Wait() }

// everywhere says whether the caller may follow resources in all namespaces.
func everywhere(ctx context.Context, client *kube.Client, all ...resource) bool {
	var asking errgroup.Group
	for _, r := range all {
		for _, verb := range []string{"list", "watch"} {
			asking.Go(func() error { return may(ctx, client, verb, r) })
		}
	}
	return asking.Wait() == nil
}

var errForbidden = errors.New("forbidden")

// may is nil where the caller may do something with a resource of all namespaces.
func may(ctx context.Context, client *kube.Client, verb string, r resource) error {
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb:     verb,
			Group:    r.gvr().Group,
			Version:  r.gvr().Version,
			Resource: r.gvr().Resource,
		},
	}}
	answer, err := client.API.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
	if err == nil && !answer.Status.Allowed {
		err = errForbidden
	}
	return err
}

func (s *Source) change() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changeLocked()
}

func (s *Source) changeLocked() {
	s.stale = true
	close(s.changed)
	s.changed = make(chan struct{})
}

// Changed is closed at the next change.
func (s *Source) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Listed waits until Services and EndpointSlices were listed once. A listing that fails is the error.
func (s *Source) Listed(ctx context.Context) error {
	for {
		changed := s.Changed()
		listed := true
		for _, r := range []resource{services, endpointSlices} {
			_, state := s.objects[r].List()
			if !state.Listed && state.Failed != nil {
				return problem.From(state.Failed)
			}
			listed = listed && state.Listed
		}
		if listed {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// Learn notes addresses that the cluster's own DNS has named; the oldest go where there are too many.
func (s *Source) Learn(addresses ...netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range addresses {
		// Names of a cluster may lead anywhere. What is on the internet or in the computer's own networks stays there.
		if !inner(a) || slices.Contains(s.learned, a) ||
			slices.ContainsFunc(s.local(), containing(a)) {
			continue
		}
		s.learned = append(s.learned, a)
		if len(s.learned) > maxLearned {
			s.learned = slices.Delete(s.learned, 0, 1)
		}
		s.changeLocked()
	}
}

// Rule adds networks that the user has said are the cluster's in any case, or never are. Of those that names stand for,
// the oldest go where there are too many.
func (s *Source) Rule(also bool, networks ...netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range networks {
		r := rule{network: p.Masked(), also: also}
		if !p.IsValid() || slices.Contains(s.rules, r) {
			continue
		}
		s.rules = append(s.rules, r)
		if single := func(r rule) bool { return r.network.IsSingleIP() }; len(s.rules) > maxLearned {
			if at := slices.IndexFunc(s.rules, single); at >= 0 {
				s.rules = slices.Delete(s.rules, at, at+1)
			}
		}
		s.changeLocked()
	}
}

// Table is the network as it is known now.
func (s *Source) Table() *Table {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stale {
		s.stale = false
		s.table = s.build()
	}
	return s.table
}

// build makes the table. The lock is held.
func (s *Source) build() *Table {
	parsed := map[*unstructured.Unstructured]any{}
	read := func(o *unstructured.Unstructured, parse func(*unstructured.Unstructured) any) any {
		value, ok := s.parsed[o]
		if !ok {
			value = parse(o)
		}
		parsed[o] = value
		return value
	}
	f := Facts{All: s.all, Namespaces: []string{s.namespace}, Addresses: slices.Clone(s.learned), Local: s.local()}
	for _, r := range s.rules {
		if r.also {
			f.Also = append(f.Also, r.network)
		} else {
			f.Never = append(f.Never, r.network)
		}
	}
	slicesOf := map[name][]Endpoint{}
	list, _ := s.objects[endpointSlices].List()
	for _, o := range list {
		slice := read(o, parseSlice).(slice)
		slicesOf[slice.service] = append(slicesOf[slice.service], slice.endpoints...)
	}
	list, state := s.objects[services].List()
	for _, o := range list {
		service, ok := read(o, parseService).(Service)
		if ok {
			service.Endpoints = slicesOf[name{service.Namespace, service.Name}]
			f.Services = append(f.Services, service)
		}
	}
	if !state.Listed {
		f.All, f.Namespaces = false, nil
	}
	list, _ = s.objects[pods].List()
	for _, o := range list {
		f.Addresses = append(f.Addresses, read(o, parsePod).([]netip.Addr)...)
	}
	list, _ = s.objects[serviceCIDRs].List()
	for _, o := range list {
		f.ServiceRanges = append(f.ServiceRanges, read(o, parseCIDR).([]netip.Prefix)...)
	}
	s.parsed = parsed
	return New(f)
}
