// Package clusterdns answers DNS as the cluster's own server would, from what is known of the cluster's network, and
// hands all other names to those who know them: the cluster's server, and the computer's own resolver. It knows neither
// sockets of its clients nor the API server.
//
// Messages are those of golang.org/x/net/dns/dnsmessage: nhctl links that module already, and it decodes what anyone
// may have sent without allocating for what a header promises.
package clusterdns

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/nhctl/nhctl/nhctl/internal/clusternet"
)

const (
	// ttl is how many seconds an answer may be kept; the watches know of a change at once.
	ttl = 5
	// plainSize is how large an answer by UDP may be where the client says nothing of it; maxSize is the largest one.
	plainSize, maxSize = 512, 4096
	// maxChain limits the names that stand for another.
	maxChain = 8
	// maxAnswers limits the records of one answer.
	maxAnswers = 1024
	// exchangeLimit limits how long another server is waited for. Clients ask again after 5 s.
	exchangeLimit = 4 * time.Second
	// maxExchanges limits the questions to other servers that wait for an answer.
	maxExchanges = 256
)

// Exchanger asks another server: a question as a client has sent it, by TCP where the answer may be long.
type Exchanger interface {
	Exchange(ctx context.Context, query []byte, tcp bool) ([]byte, error)
}

// Server answers questions.
type Server struct {
	table      func() *clusternet.Table
	domain     string
	cluster    Exchanger
	outside    Exchanger
	named      map[string]Named
	exchanging chan struct{}
}

// Options are what a Server needs.
type Options struct {
	// Table is the cluster's network as it is now.
	Table func() *clusternet.Table
	// Domain is the cluster's, "cluster.local" for most.
	Domain string
	// Cluster asks the cluster's own server about Services that the table can't have; Outside the computer's resolver.
	Cluster, Outside Exchanger
	// Named are names of which the user has said who knows them.
	Named map[string]Named
}

// New returns a server.
func New(o Options) *Server {
	return &Server{
		table:      o.Table,
		domain:     strings.ToLower(strings.Trim(o.Domain, ".")),
		cluster:    o.Cluster,
		outside:    o.Outside,
		named:      o.Named,
		exchanging: make(chan struct{}, maxExchanges),
	}
}

// question is a client's message with one question.
type question struct {
	dnsmessage.Question
	header dnsmessage.Header
	raw    []byte
	edns   bool
	// limit is how many bytes the answer may have.
	limit int
	tcp   bool
}

// Answer answers a message that came by UDP or TCP. It returns nil for what deserves no answer.
func (s *Server) Answer(ctx context.Context, message []byte, tcp bool) []byte {
	q, rcode, ok := parse(message, tcp)
	switch {
	case !ok:
		return nil
	case rcode != dnsmessage.RCodeSuccess:
		return build(q, reply{rcode: rcode})
	}
	name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
	if n, ok := s.named[name]; ok {
		to := s.outside
		if n.Cluster {
			to = s.cluster
		}
		answer := s.pass(ctx, to, q)
		n.Learn(Addresses(answer)...)
		return answer
	}
	a := s.resolve(s.table(), name, q.Type)
	switch a.from {
	case fromCluster:
		return s.pass(ctx, s.cluster, q)
	case fromOutside:
		return s.pass(ctx, s.outside, q)
	}
	if a.follow != "" {
		s.follow(ctx, &a, q)
	}
	rotate(a.answers, int(q.header.ID))
	return build(q, a)
}

// parse reads a message. It is not ok when an answer could go to no one.
func parse(message []byte, tcp bool) (q question, rcode dnsmessage.RCode, ok bool) {
	var p dnsmessage.Parser
	header, err := p.Start(message)
	if err != nil || header.Response {
		return q, 0, false
	}
	q = question{header: header, raw: message, limit: plainSize, tcp: tcp}
	if header.OpCode != 0 {
		return q, dnsmessage.RCodeNotImplemented, true
	}
	first, err := p.Question()
	if err != nil {
		return q, dnsmessage.RCodeFormatError, true
	}
	q.Question = first
	if _, err := p.Question(); err != dnsmessage.ErrSectionDone { // no one asks two questions at once
		return q, dnsmessage.RCodeFormatError, true
	}
	if first.Class != dnsmessage.ClassINET && first.Class != dnsmessage.ClassANY {
		return q, dnsmessage.RCodeRefused, true
	}
	if p.SkipAllAnswers() != nil || p.SkipAllAuthorities() != nil {
		return q, dnsmessage.RCodeFormatError, true
	}
	for {
		h, err := p.AdditionalHeader()
		if err != nil {
			break
		}
		if h.Type == dnsmessage.TypeOPT {
			q.edns = true
			q.limit = min(max(int(h.Class), plainSize), maxSize)
		}
		if p.SkipAdditional() != nil {
			break
		}
	}
	if tcp {
		q.limit = 1<<16 - 1
	}
	return q, dnsmessage.RCodeSuccess, true
}

// pass asks another server, and returns its answer as it came.
func (s *Server) pass(ctx context.Context, to Exchanger, q question) []byte {
	answer, err := s.exchange(ctx, to, q.raw, q.tcp)
	if err != nil || !answers(answer, q) {
		return build(q, reply{rcode: dnsmessage.RCodeServerFailure})
	}
	if len(answer) > q.limit {
		return build(q, reply{truncated: true})
	}
	return answer
}

func (s *Server) exchange(ctx context.Context, to Exchanger, query []byte, tcp bool) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, exchangeLimit)
	defer cancel()
	select {
	case s.exchanging <- struct{}{}:
		defer func() { <-s.exchanging }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return to.Exchange(ctx, query, tcp)
}

// answers says whether a message answers a question, and no other.
func answers(message []byte, q question) bool {
	var p dnsmessage.Parser
	header, err := p.Start(message)
	if err != nil || !header.Response || header.ID != q.header.ID {
		return false
	}
	asked, err := p.Question()
	if err != nil { // servers that refuse may leave the question out
		return header.RCode != dnsmessage.RCodeSuccess
	}
	return strings.EqualFold(asked.Name.String(), q.Name.String()) && asked.Type == q.Type
}

// follow adds what the name stands for that an answer ends in: a name of the cluster's own server or of another one.
func (s *Server) follow(ctx context.Context, a *reply, q question) {
	to := s.outside
	if a.followCluster {
		to = s.cluster
	}
	name, err := dnsmessage.NewName(a.follow + ".")
	if err != nil {
		a.rcode = dnsmessage.RCodeServerFailure
		return
	}
	ask := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: q.header.ID, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: name, Type: q.Type, Class: dnsmessage.ClassINET}},
	}
	query, err := ask.Pack()
	if err != nil {
		a.rcode = dnsmessage.RCodeServerFailure
		return
	}
	target := question{Question: ask.Questions[0], header: ask.Header}
	var answer dnsmessage.Message
	for _, tcp := range []bool{false, true} { // the answer may be too long for one packet
		raw, err := s.exchange(ctx, to, query, tcp)
		if err != nil || !answers(raw, target) || answer.Unpack(raw) != nil {
			a.rcode = dnsmessage.RCodeServerFailure
			return
		}
		if !answer.Truncated {
			break
		}
	}
	a.rcode = answer.RCode
	for _, record := range answer.Answers {
		switch record.Body.(type) {
		case *dnsmessage.AResource, *dnsmessage.AAAAResource, *dnsmessage.CNAMEResource:
			if len(a.answers) < maxAnswers {
				a.answers = append(a.answers, record)
			}
		}
	}
}

// rotate changes the order of the addresses of an answer, so that clients that take the first share them.
func rotate(records []dnsmessage.Resource, by int) {
	first := 0
	for first < len(records) && records[first].Header.Type == dnsmessage.TypeCNAME {
		first++
	}
	addresses := records[first:]
	if len(addresses) < 2 {
		return
	}
	by %= len(addresses)
	rotated := append(append([]dnsmessage.Resource{}, addresses[by:]...), addresses[:by]...)
	copy(addresses, rotated)
}

// build makes an answer. One that is too long says so, and has nothing else: the client asks again by TCP.
func build(q question, a reply) []byte {
	m := dnsmessage.Message{Header: dnsmessage.Header{
		ID:                 q.header.ID,
		Response:           true,
		Authoritative:      a.from == fromTable && a.rcode != dnsmessage.RCodeServerFailure && !a.truncated,
		RecursionDesired:   q.header.RecursionDesired,
		RecursionAvailable: true,
		RCode:              a.rcode,
		Truncated:          a.truncated,
	}}
	if q.Type != 0 {
		m.Questions = []dnsmessage.Question{q.Question}
	}
	m.Answers, m.Authorities, m.Additionals = a.answers, a.authority, a.additional
	if q.edns {
		var h dnsmessage.ResourceHeader
		if h.SetEDNS0(maxSize, dnsmessage.RCodeSuccess, false) == nil {
			m.Additionals = append(m.Additionals[:len(m.Additionals):len(m.Additionals)],
				dnsmessage.Resource{Header: h, Body: &dnsmessage.OPTResource{}})
		}
	}
	packed, err := m.Pack()
	if err == nil && len(packed) > q.limit && len(a.additional) > 0 { // a help that the client can do without
		a.additional = nil
		return build(q, a)
	}
	if err != nil || len(packed) > q.limit {
		if a.truncated || len(a.answers) == 0 {
			return nil
		}
		return build(q, reply{truncated: true})
	}
	return packed
}

// Addresses lists the addresses in an answer, for those who have to know where they lead.
func Addresses(answer []byte) []netip.Addr {
	var m dnsmessage.Message
	if m.Unpack(answer) != nil {
		return nil
	}
	var all []netip.Addr
	for _, record := range m.Answers {
		switch body := record.Body.(type) {
		case *dnsmessage.AResource:
			all = append(all, netip.AddrFrom4(body.A))
		case *dnsmessage.AAAAResource:
			all = append(all, netip.AddrFrom16(body.AAAA))
		}
	}
	return all
}
