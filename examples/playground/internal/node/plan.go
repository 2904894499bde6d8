// Package node starts and removes a one-node Kubernetes in a network namespace of its own: upstream's own components as
// processes of this computer. It knows nothing of command lines, and nothing of nhctl.
package node

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// stateRoot holds a folder and a lock file for each playground.
const stateRoot = "/var/lib/nhctl-playground"

// Supernet is where default ranges come from: the benchmark range (RFC 2544), which no office or VPN uses.
const Supernet = "198.18.0.0/15"

// sliceBits is the size of one playground's range.
const sliceBits = 20

// Plan is everything about one playground that is decided before it starts: names, folders, addresses.
type Plan struct {
	Name string `json:"name"`
	// Range is split into Pods, Services and the link between computer and node.
	Range    netip.Prefix `json:"range"`
	Pods     netip.Prefix `json:"pods"`
	Services netip.Prefix `json:"services"`
	Link     netip.Prefix `json:"link"`
	// Kubeconfig is the administrator's, in the folder that `up` was called from.
	Kubeconfig string `json:"kubeconfig"`
	// Kubernetes is its version, such as v1.34.4.
	Kubernetes string `json:"kubernetes"`
	// Binaries is the folder with kube, containerd, its shim, ctr and pause.
	Binaries string `json:"binaries"`
}

var nameSyntax = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$`)

// CheckName says whether a playground may have this name.
func CheckName(name string) error {
	if !nameSyntax.MatchString(name) {
		return fmt.Errorf("playground name %q: use up to 20 lower-case letters, digits and dashes", name)
	}
	return nil
}

// split divides a range (of at least a /22) into pods (first quarter), Services (second) and link (third).
func split(r netip.Prefix) (pods, services, link netip.Prefix, err error) {
	if !r.Addr().Is4() || r.Bits() > 22 {
		return pods, services, link, fmt.Errorf("range %s: must be an IPv4 range of at least /22", r)
	}
	if super := netip.MustParsePrefix(Supernet); !super.Contains(r.Addr()) {
		return pods, services, link, fmt.Errorf("range %s: must lie in %s, which no network uses", r, Supernet)
	}
	r = r.Masked()
	quarter := r.Bits() + 2
	at := func(n uint32) netip.Prefix { return netip.PrefixFrom(add(r.Addr(), n<<(32-quarter)), quarter) }
	return at(0), at(1), netip.PrefixFrom(at(2).Addr(), 24), nil
}

// add returns the n-th address after a.
func add(a netip.Addr, n uint32) netip.Addr {
	b := a.As4()
	v := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	v += n
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}

// freeRange is the first slice of the supernet that overlaps none of those taken.
func freeRange(taken []netip.Prefix) (netip.Prefix, error) {
	super := netip.MustParsePrefix(Supernet)
	for n := uint32(0); n < 1<<(sliceBits-super.Bits()); n++ {
		slice := netip.PrefixFrom(add(super.Addr(), n<<(32-sliceBits)), sliceBits)
		free := true
		for _, t := range taken {
			free = free && !t.Overlaps(slice)
		}
		if free {
			return slice, nil
		}
	}
	return netip.Prefix{}, errors.New("no address range is free: take a playground down first")
}

// NodeIP is the node's address on the link; the computer has the one before it.
func (p *Plan) NodeIP() netip.Addr { return add(p.Link.Addr(), 2) }

// HostIP is the computer's address on the link.
func (p *Plan) HostIP() netip.Addr { return add(p.Link.Addr(), 1) }

// FirstService is the address of the API server's own Service, DNSService that of kube-dns.
func (p *Plan) FirstService() netip.Addr { return add(p.Services.Addr(), 1) }

// DNSService is the cluster address of kube-dns.
func (p *Plan) DNSService() netip.Addr { return add(p.Services.Addr(), 10) }

// Server is the API server's URL.
func (p *Plan) Server() string { return fmt.Sprintf("https://%s:6443", p.NodeIP()) }

// Netns is the name of the node's network namespace.
func (p *Plan) Netns() string { return "nhpg-" + p.Name }

// id tells playgrounds of one network apart, also those that containers and other root folders have under the same
// name.
func (p *Plan) id() string {
	a := p.Range.Addr().As4()
	return hex.EncodeToString(a[:])
}

// Cgroup is the cgroup below which the kubelet keeps its pods.
func (p *Plan) Cgroup() string { return "/nhpg-" + p.Name + "-" + p.id() }

// veth returns the names of the link's two ends; an interface name has at most 15 bytes.
func (p *Plan) veth() (host, node string) { return "nhpg" + p.id(), "nhpn" + p.id() }

// path is a path in the playground's state folder.
func (p *Plan) path(parts ...string) string {
	return filepath.Join(append([]string{stateRoot, p.Name}, parts...)...)
}

// socket is containerd's; it is short, as socket paths must be.
func (p *Plan) socket() string { return "/run/" + p.Netns() + "/containerd.sock" }

func (p *Plan) binary(name string) string { return filepath.Join(p.Binaries, name) }

// Load reads the plan of a playground that was started; fs.ErrNotExist when there is none.
func Load(name string) (*Plan, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(stateRoot, name, "plan.json"))
	if err != nil {
		return nil, err
	}
	p := &Plan{}
	return p, json.Unmarshal(data, p)
}

// NewPlan decides a playground's addresses, keeping clear of every other playground of this computer and of the ranges
// `used` by its network, unless the plan has a range, and writes the plan down. The caller holds the lock of all
// playgrounds.
func NewPlan(p Plan, used []netip.Prefix) (*Plan, error) {
	taken := slices.Clone(used)
	entries, err := os.ReadDir(stateRoot)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if e.IsDir() && e.Name() != p.Name {
			if other, err := Load(e.Name()); err == nil {
				taken = append(taken, other.Range)
				if p.Range.IsValid() && other.Range.Overlaps(p.Range) {
					return nil, fmt.Errorf("range %s is used by the playground %q", p.Range, other.Name)
				}
			}
		}
	}
	if !p.Range.IsValid() {
		if p.Range, err = freeRange(taken); err != nil {
			return nil, err
		}
	}
	p.Range = p.Range.Masked()
	if p.Pods, p.Services, p.Link, err = split(p.Range); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(p.path(), 0o700); err != nil {
		return nil, err
	}
	data, err := json.MarshalIndent(&p, "", "  ")
	if err != nil {
		return nil, err
	}
	return &p, os.WriteFile(p.path("plan.json"), data, 0o600)
}
