package routesession

import (
	"context"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nhctl/nhctl/nhctl/internal/front"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/route"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// directLimit limits an attempt to reach the local process without the front, which then gets its turn.
const directLimit = time.Second

// usualDomain is the cluster's domain nearly everywhere. Names of another one go through the front.
const usualDomain = "cluster.local"

// shortcut says which connections of the developer's own programs need not go through the cluster, since its front
// would bring them here anyway: those for which nothing but this route decides, and whole. It is empty unless that is
// certain.
type shortcut struct {
	// hosts are the Service's names and addresses, locals its ports and where they lead to here.
	hosts  []string
	locals map[int]string
	// why says what else decides, where something does.
	why string
}

// shortcutOf decides by what the cluster has at the moment. Probed are the paths whose requests the front leads to the
// originals.
func shortcutOf(mine record.Route, probed []route.Probe, service *corev1.Service, others []record.Route) shortcut {
	switch {
	case !mine.Exchange() || mine.Dev != "":
		return shortcut{} // the front decides by request, or leads elsewhere
	case mine.Proxy:
		return shortcut{why: "your process wants the clients' addresses, which the front knows"}
	case service == nil || front.ID(service) != mine.Front:
		return shortcut{why: "the Service is another one"}
	}
	if switched, err := front.Switched(service); err != nil || switched == nil {
		return shortcut{why: "the Service does not lead to the front"}
	}
	for _, o := range others {
		if o.Service == mine.Service && o.Session != mine.Session {
			return shortcut{why: "the Service has other routes, which the front knows"}
		}
	}
	s := shortcut{locals: map[int]string{}}
	for _, p := range mine.Ports {
		is := func(o route.Probe) bool { return o.Port == p.Target }
		if !mine.All && !mine.Raw && slices.ContainsFunc(probed, is) {
			s.why = "the originals answer the paths of their probes, unless --all"
			continue
		}
		s.locals[p.Port] = p.Local
	}
	if len(s.locals) == 0 {
		return s
	}
	for _, text := range service.Spec.ClusterIPs {
		if a, err := netip.ParseAddr(text); err == nil && a.IsGlobalUnicast() {
			s.hosts = append(s.hosts, a.Unmap().String())
		}
	}
	name := mine.Service + "." + mine.Namespace
	s.hosts = append(s.hosts, mine.Service, name, name+".svc", name+".svc."+usualDomain)
	return s
}

// local is where a connection leads to on this computer; "" where it goes through the cluster.
func (s shortcut) local(host string, port int) string {
	if a, err := netip.ParseAddr(host); err == nil {
		host = a.Unmap().String()
	}
	if !slices.Contains(s.hosts, strings.ToLower(strings.TrimSuffix(host, "."))) {
		return ""
	}
	return s.locals[port]
}

// shortcuts keeps a route's shortcut, and the connections that have gone by it.
type shortcuts struct {
	mu    sync.Mutex
	now   shortcut
	taken int64
	open  map[*directConn]bool
	// probed are the probes that the front knows; registered says that it has the rule.
	probed     []route.Probe
	registered bool
}

func (s *shortcuts) set(now shortcut) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = now
}

// told notes which probes the front knows.
func (s *shortcuts) told(probed []route.Probe) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.probed, s.registered = probed, true
}

func (s *shortcuts) known() (probed []route.Probe, registered bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.probed, s.registered
}

func (s *shortcuts) local(host string, port int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now.local(host, port)
}

// took keeps a connection that has gone by the shortcut.
func (s *shortcuts) took(conn net.Conn, port int) net.Conn {
	c := &directConn{Conn: conn, of: s, port: port, answered: true, last: time.Now()}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken++
	if s.open == nil {
		s.open = map[*directConn]bool{}
	}
	s.open[c] = true
	return c
}

func (s *shortcuts) report() (taken, open int64, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken, int64(len(s.open)), s.now.why
}

// retire closes the connections to ports that the shortcut no longer has, as soon as they wait for a request: their
// clients connect again, through the front. It says whether some are left.
func (s *shortcuts) retire() (left bool) {
	s.mu.Lock()
	var idle []*directConn
	for c := range s.open {
		if s.now.locals[c.port] != "" {
			continue
		}
		if c.waits() {
			idle = append(idle, c)
		} else {
			left = true
		}
	}
	s.mu.Unlock()
	for _, c := range idle {
		c.Close()
	}
	return left
}

// cut ends all connections.
func (s *shortcuts) cut() {
	s.mu.Lock()
	all := slices.Collect(maps.Keys(s.open))
	s.mu.Unlock()
	for _, c := range all {
		wire.Reset(c, "the route has ended")
	}
}

// directConn is a connection to a local process that has not come through the front.
type directConn struct {
	net.Conn
	of   *shortcuts
	port int // the Service's

	mu sync.Mutex
	// answered says that the process has spoken last, and last when either has.
	answered bool
	last     time.Time
}

// quiet is how long a process has to be silent after its last word, until it is taken to wait for a request.
const quiet = 200 * time.Millisecond

func (c *directConn) waits() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answered && time.Since(c.last) > quiet
}

func (c *directConn) spoke(answered bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered, c.last = answered, time.Now()
}

func (c *directConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.spoke(true)
	}
	return n, err
}

func (c *directConn) Write(b []byte) (int, error) {
	c.spoke(false)
	return c.Conn.Write(b)
}

// CloseWrite ends the direction to the process.
func (c *directConn) CloseWrite() error { return wire.CloseWrite(c.Conn) }

// Reset cuts the connection off.
func (c *directConn) Reset(reason string) error {
	c.gone()
	wire.Reset(c.Conn, reason)
	return nil
}

// Close ends the connection.
func (c *directConn) Close() error {
	c.gone()
	return c.Conn.Close()
}

func (c *directConn) gone() {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	delete(c.of.open, c)
}

// keepShortcut keeps the shortcut as the cluster is, until ctx ends.
func (s *Session) keepShortcut(ctx context.Context) {
	mine := s.record()
	if !mine.Exchange() || mine.Dev != "" {
		return
	}
	changed := make(chan struct{}, 1)
	note := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	services, leases := kube.NewObjects(note), kube.NewObjects(note)
	var following sync.WaitGroup
	defer following.Wait()
	defer s.shortcuts.cut()
	defer s.shortcuts.set(shortcut{})
	follow := func(group, resource, labels string, o *kube.Objects) {
		following.Go(func() {
			s.Client().Follow(ctx, kube.Selection{
				Resource:  schema.GroupVersionResource{Group: group, Version: "v1", Resource: resource},
				Namespace: mine.Namespace,
				Labels:    labels,
			}, o)
		})
	}
	follow("", "services", "", services)
	follow("coordination.k8s.io", "leases", contract.LabelRole+"="+contract.RoleRoute, leases)
	for {
		s.shortcuts.set(s.shortcutNow(services, leases))
		var again <-chan time.Time
		if s.shortcuts.retire() {
			again = time.After(quiet)
		}
		select {
		case <-changed:
		case <-again:
		case <-s.registeredAgain:
		case <-ctx.Done():
			return
		}
	}
}

// shortcutNow is the shortcut by what is followed. Without a watch, or while that fails, there is none.
func (s *Session) shortcutNow(services, leases *kube.Objects) shortcut {
	const unsure = "the cluster's Services and routes can't be watched at the moment"
	mine := s.record()
	probed, registered := s.shortcuts.known()
	if !registered {
		return shortcut{why: "the front does not know the route yet"}
	}
	var service *corev1.Service
	all, state := services.List()
	if !certain(state) {
		return shortcut{why: unsure}
	}
	for _, object := range all {
		if object.GetName() == mine.Service {
			service = new(corev1.Service)
			if !typed(object, service) {
				return shortcut{why: unsure}
			}
		}
	}
	all, state = leases.List()
	if !certain(state) {
		return shortcut{why: unsure}
	}
	var others []record.Route
	for _, object := range all {
		var l coordinationv1.Lease
		if !typed(object, &l) {
			return shortcut{why: unsure}
		}
		o, err := record.RouteFromLease(&l)
		if err != nil {
			return shortcut{why: "the namespace has routes that this nhctl can't read"}
		}
		others = append(others, o)
	}
	return shortcutOf(mine, probed, service, others)
}

func certain(o kube.ObjectsState) bool { return o.Listed && o.Polled == nil && o.Failed == nil }

func typed(object *unstructured.Unstructured, to any) bool {
	return runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, to) == nil
}

// Holder is whose route it is.
func (s *Session) Holder() record.Holder { return s.record().Holder }

// Direct connects to the local process that a connection to the Service would come to, without the cluster. It returns
// nil where anything else may decide, and where the process is not there: then the front leads it, as any client's.
func (s *Session) Direct(ctx context.Context, host string, port int) net.Conn {
	local := s.shortcuts.local(host, port)
	if local == "" || s.Leaving() {
		return nil
	}
	network, address, err := record.LocalAddress(local)
	if err != nil {
		return nil
	}
	conn, err := (&net.Dialer{Timeout: directLimit}).DialContext(ctx, network, address)
	if err != nil {
		return nil
	}
	return s.shortcuts.took(conn, port)
}
