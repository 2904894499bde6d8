package kubetest

import (
	"fmt"
	"slices"
)

// Fault is what happens to a request in the place of a plain answer.
type Fault string

// The faults.
const (
	// None is a plain answer.
	None Fault = ""
	// Refuse answers with an error, and does nothing.
	Refuse Fault = "refused"
	// Lose does what was asked for, and ends the connection without an answer.
	Lose Fault = "answer lost"
	// Hang does nothing, and gives no answer until the client has gone.
	Hang Fault = "never answered"
)

// Inject has a function decide about each request.
func (c *Cluster) Inject(decide func(Request) Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.decide = decide
}

// meet is the fault that a request meets.
func (c *Cluster) meet(q Request) Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.decide == nil {
		return None
	}
	return c.decide(q)
}

// Before has a function called before each request is answered, without the cluster's lock: it may change the cluster,
// also by requests, of which it hears too.
func (c *Cluster) Before(before func(Request)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.before = before
}

// announce tells of a request that is to be answered.
func (c *Cluster) announce(q Request) {
	c.mu.Lock()
	before := c.before
	c.mu.Unlock()
	if before != nil {
		before(q)
	}
}

// Points names the requests of a run that change something, in their order, and has one of them fail. It is a function
// for Inject.
type Points struct {
	// At is the one that fails, and how; it is hit once.
	At    string
	Fault Fault
	Hit   bool
	// Seen are all names so far. The second request of a name has a number.
	Seen []string
}

// Decide is for Inject, which calls it for one request after the other.
func (p *Points) Decide(q Request) Fault {
	name := q.Point()
	if name == "" {
		return None
	}
	for n, numbered := 2, name; ; n++ {
		if !slices.Contains(p.Seen, numbered) {
			name = numbered
			break
		}
		numbered = fmt.Sprintf("%s, no. %d", name, n)
	}
	p.Seen = append(p.Seen, name)
	if name != p.At || p.Hit {
		return None
	}
	p.Hit = true
	return p.Fault
}
